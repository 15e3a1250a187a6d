// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Why an item of a batch was passed over
/// @notice Faults that depend on the state of the chain skip one item instead of reverting: a relay cannot know that
/// state for certain when it sends, and one late item must not sink a hundred good ones. Code 3 is not used: a
/// suspended member may write, so that it can withdraw a stance before that stance counts again.
library SkipCode {
    /// @notice Nothing is wrong.
    uint8 internal constant NONE = 0;
    /// @notice The signer was never added as a node key.
    uint8 internal constant UNKNOWN_KEY = 1;
    /// @notice The signer's key is closed.
    uint8 internal constant REVOKED_KEY = 2;
    /// @notice The member's register holds a later word.
    uint8 internal constant STALE_VERSION = 4;
    /// @notice The version lies more than ten minutes ahead of the block.
    uint8 internal constant FUTURE_VERSION = 5;
}
