// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title How the members of a consortium decide together
/// @notice What OpenZeppelin's `IGovernor` leaves open. One active member has one vote. A proposal passes when more
/// than half of all members that were active when it was made have voted for it, at once, and anybody may execute it
/// from then on. Nobody else's word counts: votes against and abstentions help no proposal, and there is no timelock,
/// no administrator, no guardian, no delegation and no way to cancel. A proposal calls the member registry only, in
/// the order of its actions, all of them or none.
interface IConsortiumGovernor {
    /// @notice `registry` is not a member registry that this governor governs.
    error ConsortiumGovernorInvalidRegistry(address registry);

    /// @notice Members cannot be expected to vote within `period` seconds.
    error ConsortiumGovernorInvalidVotingPeriod(uint32 period);

    /// @notice Action `index` of a proposal calls `target`, which is not the member registry.
    error ConsortiumGovernorForeignTarget(uint256 index, address target);

    /// @notice Action `index` of a proposal sends `value` wei. The governor owns nothing.
    error ConsortiumGovernorValueForbidden(uint256 index, uint256 value);

    /// @notice `account` has no vote on the proposal: it was no active member when it was made, or is none now.
    error ConsortiumGovernorNoVote(uint256 proposalId, address account);

    /// @notice The last second at which a proposal that has passed may be executed: one voting period after its
    /// deadline. A decision that nobody carried out by then is void, so that it cannot come into force years later.
    function proposalExpiry(uint256 proposalId) external view returns (uint256);
}
