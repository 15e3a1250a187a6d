// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {Base} from "./Base.sol";
import {IImmuneMemory} from "../../contracts/interfaces/IImmuneMemory.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {ImmuneMemory} from "../../contracts/ImmuneMemory.sol";
import {MemberRegistry} from "../../contracts/MemberRegistry.sol";

/// @dev What is refused whatever the state. The tests in TypeScript ask for every error and every caller; these are here
/// so that coverage, which sees Solidity tests only, tells the truth.
contract RefusalsTest is Base {
    address private constant STRANGER = address(0xbad);
    IMemberRegistry.Parameters private parameters = IMemberRegistry.Parameters(3, 2, 2, 2);

    function setUp() external {
        makeGovernedConsortium(4, parameters);
    }

    function test_theRegistryRefusesWhomItDoesNotKnow() external {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotGovernor.selector, address(this)));
        registry.admit(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotMember.selector, address(this)));
        registry.addNodeKey(nodeKey(9), "");
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryForeignKey.selector, nodeKey(1), uint16(1))
        );
        registry.revokeNodeKey(nodeKey(1));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryUnknownKey.selector, nodeKey(9)));
        registry.revokeNodeKey(nodeKey(9));
        vm.prank(address(governor));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryUnknownMember.selector, uint16(9)));
        registry.suspend(9);
        vm.prank(address(governor));
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryAccountTaken.selector, account(1), uint16(1))
        );
        registry.admit(account(1));
        address[3] memory nobodies = [address(0), address(governor), address(registry)];
        for (uint256 i = 0; i < nobodies.length; ++i) {
            vm.prank(address(governor));
            vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryInvalidAccount.selector, nobodies[i]));
            registry.admit(nobodies[i]);
        }
    }

    function test_aProposalThatWasNeverMadeHasNoSnapshot() external view {
        assertEq(governor.proposalSnapshot(1), 0, "snapshot");
    }

    function test_aVoteIsNobodyElses() external {
        bytes memory forbidden = abi.encodeWithSelector(
            IMemberRegistry.MemberRegistryDelegationForbidden.selector,
            account(2)
        );
        vm.expectRevert(forbidden);
        vm.prank(account(1));
        registry.delegate(account(2));
        vm.expectRevert(forbidden);
        registry.delegateBySig(account(2), 0, NOW + 1 days, 27, 0, 0);
    }

    function test_batchesAreBounded() external {
        IMemberRegistry.SignedHead[] memory heads = new IMemberRegistry.SignedHead[](3);
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryBatchTooLarge.selector, uint256(3), uint16(2))
        );
        registry.anchor(heads);
        vm.expectRevert(
            abi.encodeWithSelector(IImmuneMemory.ImmuneMemoryBatchTooLarge.selector, uint256(3), uint16(2))
        );
        memory_.attest(new IImmuneMemory.Attestation[](3), new bytes[](3));
        vm.expectRevert(
            abi.encodeWithSelector(IImmuneMemory.ImmuneMemoryLengthMismatch.selector, uint256(2), uint256(1))
        );
        memory_.attest(new IImmuneMemory.Attestation[](2), new bytes[](1));
    }

    function test_theFutureWaits() external {
        IImmuneMemory.Attestation memory a = support(type(uint48).max);
        bytes memory signature = sign(secret(1), memory_.attestationDigest(a));
        vm.expectPartialRevert(IImmuneMemory.ImmuneMemoryFutureVersion.selector);
        memory_.check(a, signature);
    }

    function test_foundationsAreChecked() external {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryInvalidGovernor.selector, address(0)));
        new MemberRegistry(address(0), new address[](0), parameters);
        vm.expectRevert(abi.encodeWithSelector(IImmuneMemory.ImmuneMemoryInvalidRegistry.selector, STRANGER));
        new ImmuneMemory(IMemberRegistry(STRANGER), keccak256("hash"));
        vm.expectRevert(abi.encodeWithSelector(IImmuneMemory.ImmuneMemoryInvalidBlindingKeyHash.selector, bytes32(0)));
        new ImmuneMemory(registry, 0);
        assertTrue(memory_.blindingKeyHash() != 0 && address(memory_.registry()) == address(registry), "foundation");
    }

    function test_theGovernorTakesNoDeposit() external {
        bytes memory disabled = abi.encodeWithSelector(IGovernor.GovernorDisabledDeposit.selector);
        vm.expectRevert(disabled);
        governor.onERC721Received(STRANGER, STRANGER, 1, "");
        vm.expectRevert(disabled);
        governor.onERC1155Received(STRANGER, STRANGER, 1, 1, "");
        vm.expectRevert(disabled);
        governor.onERC1155BatchReceived(STRANGER, STRANGER, new uint256[](1), new uint256[](1), "");
        (bool taken, bytes memory answer) = address(governor).call{value: 1}("");
        assertTrue(!taken && keccak256(answer) == keccak256(disabled), "sent");

        bytes memory call = abi.encodeCall(MemberRegistry.admit, (account(5)));
        uint256 id = propose(account(1), call, "with money");
        for (uint16 member = 1; member <= 3; ++member) vote(id, member, FOR);
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action(call);
        vm.expectRevert(disabled);
        governor.execute{value: 1}(targets, values, calldatas, keccak256("with money"));
    }
}
