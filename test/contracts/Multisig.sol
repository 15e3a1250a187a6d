// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A member account that takes two of three owners: the least that behaves as multisig wallets do
contract Multisig {
    mapping(address owner => bool) private _owners;
    mapping(bytes32 call => mapping(address owner => bool)) private _approvals;

    constructor(address[3] memory owners) {
        for (uint256 i = 0; i < 3; ++i) _owners[owners[i]] = true;
    }

    /// @dev The second owner that asks for the same call makes it.
    function approve(address other, address target, bytes calldata data) external returns (bytes memory) {
        require(_owners[msg.sender] && _owners[other] && msg.sender != other, "not two owners");
        bytes32 call = keccak256(abi.encode(target, data));
        _approvals[call][msg.sender] = true;
        if (!_approvals[call][other]) return "";
        delete _approvals[call][msg.sender];
        delete _approvals[call][other];
        (bool done, bytes memory answer) = target.call(data);
        require(done, string(answer));
        return answer;
    }
}
