// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSuperQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorSuperQuorum.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {IConsortiumGovernor} from "./interfaces/IConsortiumGovernor.sol";
import {MemberRegistry} from "./MemberRegistry.sol";

/// @title The governor of a consortium; see {IConsortiumGovernor}
/// @dev OpenZeppelin's Governor, told what a majority is. Its own default counts abstentions towards the quorum and
/// rounds fractions down: one of three members would decide. Here quorum and super quorum are one number, ⌊n/2⌋ + 1 of
/// the members active at the snapshot, and only votes For count towards it, so "passed" and "cannot be outvoted any
/// more" are the same moment. Not upgradeable, without an administrator.
contract ConsortiumGovernor is IConsortiumGovernor, GovernorCountingSimple, GovernorVotes, GovernorSuperQuorum {
    /// @notice The shortest voting period, in seconds: within a shorter one a slow chain may bring no block at all.
    uint32 public constant MIN_VOTING_PERIOD = 1 hours;

    uint32 private immutable _votingPeriod;

    // What is inherited from OpenZeppelin; nothing is added, and evidence reads none of it.
    //
    //  0  _nameFallback          EIP712, unused: the name is short
    //  1  _versionFallback       EIP712, unused
    //  2  _nonces[account]       Nonces: ballots by signature
    //  3  _name                  Governor
    //  4  _proposals[id]         Governor ┆ etaSeconds 48 ┆ canceled 8 ┆ executed 8 ┆ voteDuration 32 ┆ …
    //                                     … ┆ voteStart 48 ┆ proposer 160 ┆, in two slots
    //  5  _governanceCall        Governor, unused: it calls nobody on its own behalf; two slots
    //  7  _proposalVotes[id]     GovernorCountingSimple ┆ against ┆ for ┆ abstain ┆ hasVoted[account] ┆

    /// @param registry_ The consortium's member registry, whose governor this contract must be.
    /// @param votingPeriod_ Seconds for which a proposal is open, at least {MIN_VOTING_PERIOD}.
    constructor(
        MemberRegistry registry_,
        uint32 votingPeriod_
    ) Governor("Anamnesis Governor") GovernorVotes(registry_) {
        if (address(registry_).code.length == 0 || registry_.governor() != address(this)) {
            revert ConsortiumGovernorInvalidRegistry(address(registry_));
        }
        if (votingPeriod_ < MIN_VOTING_PERIOD) revert ConsortiumGovernorInvalidVotingPeriod(votingPeriod_);
        _votingPeriod = votingPeriod_;
    }

    /// @notice Reverts: nothing could take out again what is sent here.
    receive() external payable override {
        revert GovernorDisabledDeposit();
    }

    /// @notice Passed and not executed within one voting period after the deadline: Expired.
    /// @inheritdoc Governor
    function state(
        uint256 proposalId
    ) public view override(Governor, GovernorSuperQuorum) returns (ProposalState current) {
        current = super.state(proposalId);
        if (current == ProposalState.Succeeded && clock() > proposalExpiry(proposalId)) return ProposalState.Expired;
    }

    /// @inheritdoc IConsortiumGovernor
    function proposalExpiry(uint256 proposalId) public view returns (uint256) {
        return proposalDeadline(proposalId) + _votingPeriod;
    }

    /// @notice The second before the proposal, which is over: so votes may be cast at once, in the very block of the
    /// proposal, and whoever could propose can vote. `ProposalCreated` names the second after it.
    /// @inheritdoc Governor
    function proposalSnapshot(uint256 proposalId) public view override returns (uint256) {
        uint256 start = super.proposalSnapshot(proposalId);
        return start == 0 ? 0 : start - 1;
    }

    /// @notice More than half of all members that were active at `timepoint`.
    /// @inheritdoc Governor
    function quorum(uint256 timepoint) public view override returns (uint256) {
        return token().getPastTotalSupply(timepoint) / 2 + 1;
    }

    /// @notice The same as {quorum}: what has reached it has passed.
    /// @inheritdoc GovernorSuperQuorum
    function superQuorum(uint256 timepoint) public view override returns (uint256) {
        return quorum(timepoint);
    }

    /// @inheritdoc GovernorCountingSimple
    function proposalVotes(
        uint256 proposalId
    )
        public
        view
        override(GovernorCountingSimple, GovernorSuperQuorum)
        returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes)
    {
        return super.proposalVotes(proposalId);
    }

    /// @notice Zero: see {proposalSnapshot}.
    /// @inheritdoc Governor
    function votingDelay() public pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc Governor
    function votingPeriod() public view override returns (uint256) {
        return _votingPeriod;
    }

    /// @notice One vote: members propose, and nobody else.
    /// @inheritdoc Governor
    function proposalThreshold() public pure override returns (uint256) {
        return 1;
    }

    /// @notice Votes For alone count towards the quorum.
    // solhint-disable-next-line func-name-mixedcase
    function COUNTING_MODE() public pure override(IGovernor, GovernorCountingSimple) returns (string memory) {
        return "support=bravo&quorum=for";
    }

    /// @notice Not a receiver of tokens, as OpenZeppelin's Governor is.
    /// @inheritdoc Governor
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId != type(IERC1155Receiver).interfaceId && super.supportsInterface(interfaceId);
    }

    /// @notice Reverts, as {receive} does.
    function onERC721Received(address, address, uint256, bytes memory) public pure override returns (bytes4) {
        revert GovernorDisabledDeposit();
    }

    /// @notice Reverts, as {receive} does.
    function onERC1155Received(address, address, uint256, uint256, bytes memory) public pure override returns (bytes4) {
        revert GovernorDisabledDeposit();
    }

    /// @notice Reverts, as {receive} does.
    function onERC1155BatchReceived(
        address,
        address,
        uint256[] memory,
        uint256[] memory,
        bytes memory
    ) public pure override returns (bytes4) {
        revert GovernorDisabledDeposit();
    }

    /// @dev A power over other contracts is not what members were admitted for, and a call to the governor itself could
    /// only be a `relay` to them.
    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal override returns (uint256) {
        for (uint256 i = 0; i < targets.length; ++i) {
            if (targets[i] != address(token())) revert ConsortiumGovernorForeignTarget(i, targets[i]);
        }
        for (uint256 i = 0; i < values.length; ++i) {
            if (values[i] != 0) revert ConsortiumGovernorValueForbidden(i, values[i]);
        }
        return super._propose(targets, values, calldatas, description, proposer);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override {
        if (msg.value != 0) revert GovernorDisabledDeposit();
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    /// @dev OpenZeppelin lets anybody cast an empty vote.
    function _countVote(
        uint256 proposalId,
        address account,
        uint8 support,
        uint256 totalWeight,
        bytes memory params
    ) internal override(Governor, GovernorCountingSimple) returns (uint256) {
        if (totalWeight == 0) revert ConsortiumGovernorNoVote(proposalId, account);
        return super._countVote(proposalId, account, support, totalWeight, params);
    }

    /// @dev Suspension is effective at once, for proposals that are open, too. What was cast before stays cast, and the
    /// majority is still that of the snapshot: whoever suspends members while a vote is open lowers no bar.
    function _getVotes(
        address account,
        uint256 timepoint,
        bytes memory params
    ) internal view override(Governor, GovernorVotes) returns (uint256) {
        return token().getVotes(account) == 0 ? 0 : super._getVotes(account, timepoint, params);
    }

    function _quorumReached(
        uint256 proposalId
    ) internal view override(Governor, GovernorCountingSimple) returns (bool) {
        (, uint256 forVotes, ) = proposalVotes(proposalId);
        return forVotes >= quorum(proposalSnapshot(proposalId));
    }

    /// @dev Nobody cancels. A proposer who changed its mind does not vote for it, and a member that copies another's
    /// proposal before it is mined gains nothing: it made the same proposal, and cannot take it away.
    function _validateCancel(uint256, address) internal pure override returns (bool) {
        return false;
    }
}
