// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The least that anchoring a log can cost
/// @notice One hash per sender, which names its predecessor, and nothing else: no members, no signatures, no relays, no
/// sizes, no batches. The peer that gas is measured against.
contract HashChainedHead {
    mapping(address sender => bytes32) private _heads;

    event Anchored(address indexed sender, bytes32 head);

    error HashChainedHeadStale(bytes32 previous, bytes32 held);

    function anchor(bytes32 previous, bytes32 head) external {
        bytes32 held = _heads[msg.sender];
        if (previous != held) revert HashChainedHeadStale(previous, held);
        _heads[msg.sender] = head;
        emit Anchored(msg.sender, head);
    }
}
