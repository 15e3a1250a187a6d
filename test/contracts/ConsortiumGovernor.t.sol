// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {Base} from "./Base.sol";
import {Multisig} from "./Multisig.sol";
import {ConsortiumGovernor} from "../../contracts/ConsortiumGovernor.sol";
import {IConsortiumGovernor} from "../../contracts/interfaces/IConsortiumGovernor.sol";
import {IMemberRegistry} from "../../contracts/interfaces/IMemberRegistry.sol";
import {MemberRegistry} from "../../contracts/MemberRegistry.sol";

contract ConsortiumGovernorTest is Base {
    IMemberRegistry.Parameters private parameters = IMemberRegistry.Parameters(3, 2, 2, 100);

    function setUp() external {
        makeGovernedConsortium(5, parameters);
    }

    function test_itIsWhatItSaysItIs() external view {
        assertTrue(registry.governor() == address(governor), "the registry's governor");
        assertTrue(address(governor.token()) == address(registry), "token");
        assertEq(governor.votingPeriod(), VOTING_PERIOD, "votingPeriod");
        assertEq(governor.votingDelay(), 0, "votingDelay");
        assertEq(governor.proposalThreshold(), 1, "proposalThreshold");
        assertEq(governor.clock(), NOW + 1, "clock");
        assertEq(keccak256(bytes(governor.CLOCK_MODE())), keccak256("mode=timestamp"), "CLOCK_MODE");
        assertEq(keccak256(bytes(governor.COUNTING_MODE())), keccak256("support=bravo&quorum=for"), "COUNTING_MODE");
        assertTrue(governor.supportsInterface(type(IGovernor).interfaceId), "IGovernor");
        assertTrue(!governor.supportsInterface(type(IERC1155Receiver).interfaceId), "IERC1155Receiver");
    }

    function test_aMajorityDecidesAtOnceInTheSecondOfTheProposal() external {
        bytes memory call = abi.encodeCall(MemberRegistry.admit, (account(6)));
        uint256 id = propose(account(1), call, "six");
        assertState(id, IGovernor.ProposalState.Active);
        vote(id, 1, FOR);
        vote(id, 2, FOR);
        assertState(id, IGovernor.ProposalState.Active);
        vote(id, 3, FOR);
        assertState(id, IGovernor.ProposalState.Succeeded);
        vm.prank(address(0xbad));
        execute(call, "six");
        assertState(id, IGovernor.ProposalState.Executed);
        assertEq(registry.memberOf(account(6)), 6, "member");
    }

    /// @dev Whatever the ballots: passed iff more than half of all members said yes, before the deadline and after it.
    function testFuzz_onlyAMajorityOfAllMembersPasses(uint8 members, uint256 ballots, bool late) external {
        members = 3 + (members % 10);
        makeGovernedConsortium(members, parameters);
        uint256 id = propose(account(1), abi.encodeCall(MemberRegistry.suspend, (1)), "fuzz");
        uint256 yes;
        for (uint16 member = 1; member <= members && governor.state(id) == IGovernor.ProposalState.Active; ++member) {
            uint8 ballot = uint8(ballots >> (2 * member)) % 4;
            if (ballot == 3) continue;
            vote(id, member, ballot);
            if (ballot == FOR) ++yes;
        }
        if (late) vm.warp(NOW + 2 + VOTING_PERIOD);
        assertEq(governor.quorum(NOW), members / 2 + 1, "quorum");
        assertEq(governor.superQuorum(NOW), members / 2 + 1, "superQuorum");
        assertState(
            id,
            2 * yes > members
                ? IGovernor.ProposalState.Succeeded
                : late
                    ? IGovernor.ProposalState.Defeated
                    : IGovernor.ProposalState.Active
        );
    }

    function test_oneOfThreeNeverPassesAndAbstentionsNeverHelp() external {
        makeGovernedConsortium(3, parameters);
        uint256 id = propose(account(1), abi.encodeCall(MemberRegistry.admit, (account(4))), "one of three");
        vote(id, 1, FOR);
        vote(id, 2, ABSTAIN);
        vote(id, 3, ABSTAIN);
        assertState(id, IGovernor.ProposalState.Active);
        vm.warp(NOW + 2 + VOTING_PERIOD);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    function test_theDeadlineIsTheLastSecond() external {
        bytes memory call = abi.encodeCall(MemberRegistry.admit, (account(6)));
        uint256 id = propose(account(1), call, "late");
        assertEq(governor.proposalSnapshot(id), NOW, "snapshot");
        assertEq(governor.proposalDeadline(id), NOW + 1 + VOTING_PERIOD, "deadline");
        vm.warp(NOW + 1 + VOTING_PERIOD);
        vote(id, 1, FOR);
        vote(id, 2, FOR);
        vm.warp(NOW + 2 + VOTING_PERIOD);
        assertState(id, IGovernor.ProposalState.Defeated);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        vote(id, 3, FOR);
    }

    function test_aDecisionThatNobodyCarriesOutIsVoidAfterAnotherPeriod() external {
        bytes memory call = abi.encodeCall(MemberRegistry.admit, (account(6)));
        uint256 id = propose(account(1), call, "forgotten");
        for (uint16 member = 1; member <= 3; ++member) vote(id, member, FOR);
        assertEq(governor.proposalExpiry(id), NOW + 1 + 2 * uint256(VOTING_PERIOD), "expiry");
        vm.warp(governor.proposalExpiry(id));
        assertState(id, IGovernor.ProposalState.Succeeded);
        vm.warp(governor.proposalExpiry(id) + 1);
        assertState(id, IGovernor.ProposalState.Expired);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        execute(call, "forgotten");
        // The members may decide the same again, under another description.
        id = propose(account(1), call, "remembered");
        for (uint16 member = 1; member <= 3; ++member) vote(id, member, FOR);
        execute(call, "remembered");
    }

    function test_aProposalIsCarriedOutWholeOrNotAtAll() external {
        address[] memory targets = new address[](2);
        bytes[] memory calldatas = new bytes[](2);
        (targets[0], targets[1]) = (address(registry), address(registry));
        calldatas[0] = abi.encodeCall(MemberRegistry.suspend, (5));
        calldatas[1] = abi.encodeCall(MemberRegistry.setParameters, (IMemberRegistry.Parameters(5, 2, 2, 100)));
        vm.prank(account(1));
        uint256 id = governor.propose(targets, new uint256[](2), calldatas, "both");
        for (uint16 member = 1; member <= 3; ++member) vote(id, member, FOR);
        vm.expectPartialRevert(IMemberRegistry.MemberRegistryInvalidParameters.selector);
        governor.execute(targets, new uint256[](2), calldatas, keccak256("both"));
        assertTrue(registry.isActiveMember(5), "the first action alone");
        assertState(id, IGovernor.ProposalState.Succeeded);
    }

    function test_aSuspendedMemberNeitherProposesNorVotesFromThatSecondOn() external {
        uint256 id = propose(account(5), abi.encodeCall(MemberRegistry.suspend, (1)), "revenge");
        pass(abi.encodeCall(MemberRegistry.suspend, (5)), "suspend five");

        vm.expectRevert(abi.encodeWithSelector(IConsortiumGovernor.ConsortiumGovernorNoVote.selector, id, account(5)));
        vote(id, 5, FOR);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, account(5), 0, 1));
        propose(account(5), abi.encodeCall(MemberRegistry.reinstate, (5)), "let me back in");
        // Whoever comes back votes again, also on what was open before.
        vm.warp(NOW + 2);
        pass(abi.encodeCall(MemberRegistry.reinstate, (5)), "reinstate five");
        vote(id, 5, FOR);
    }

    function test_whoWasAdmittedLaterHasNoVoteOnAnOlderProposal() external {
        uint256 id = propose(account(1), abi.encodeCall(MemberRegistry.suspend, (2)), "older");
        pass(abi.encodeCall(MemberRegistry.admit, (account(6))), "six");
        vm.warp(NOW + 10);
        vm.expectRevert(abi.encodeWithSelector(IConsortiumGovernor.ConsortiumGovernorNoVote.selector, id, account(6)));
        vote(id, 6, FOR);
    }

    /// @dev Suspending members while a vote is open does not make it pass: the bar is that of the snapshot.
    function testFuzz_suspensionsNeverLowerTheBarOfAnOpenVote(uint8 suspended) external {
        suspended = 1 + (suspended % 4);
        makeGovernedConsortium(7, parameters);
        uint256 id = propose(account(1), abi.encodeCall(MemberRegistry.admit, (account(8))), "open");
        for (uint16 member = 1; member <= 3; ++member) vote(id, member, FOR);
        for (uint16 i = 0; i < suspended; ++i) {
            pass(abi.encodeCall(MemberRegistry.suspend, (7 - i)), string.concat("suspend ", vm.toString(7 - i)));
            // Not from block.timestamp: the compiler takes it for constant.
            vm.warp(NOW + 2 + i);
            assertState(id, IGovernor.ProposalState.Active);
        }
        assertEq(governor.quorum(governor.proposalSnapshot(id)), 4, "quorum");
        assertEq(governor.quorum(NOW + suspended), uint256(7 - suspended) / 2 + 1, "quorum of the next one");
    }

    /// @dev A vote that was cast stays cast, whatever becomes of the voter, and cannot be cast again under a new number.
    function test_aRemovedMemberThatComesBackVotesOnce() external {
        uint256 id = propose(account(1), abi.encodeCall(MemberRegistry.suspend, (2)), "older");
        vote(id, 5, FOR);
        pass(abi.encodeCall(MemberRegistry.remove, (5)), "remove five");
        vm.warp(NOW + 2);
        pass(abi.encodeCall(MemberRegistry.admit, (account(5))), "five again");
        assertEq(registry.memberOf(account(5)), 6, "number");
        vm.expectPartialRevert(IGovernor.GovernorAlreadyCastVote.selector);
        vote(id, 5, FOR);
        (, uint256 forVotes, ) = governor.proposalVotes(id);
        assertEq(forVotes, 1, "votes");
    }

    function test_aMemberMaySuspendItself() external {
        pass(abi.encodeCall(MemberRegistry.suspend, (1)), "I go");
        assertTrue(!registry.isActiveMember(1), "active");
    }

    /// @dev Three members of whom one lost its account: admit the new account and remove the old one in one proposal.
    function test_aLostAccountOfThreeIsReplaced() external {
        makeGovernedConsortium(3, parameters);
        address[] memory targets = new address[](2);
        bytes[] memory calldatas = new bytes[](2);
        (targets[0], targets[1]) = (address(registry), address(registry));
        calldatas[0] = abi.encodeCall(MemberRegistry.admit, (account(4)));
        calldatas[1] = abi.encodeCall(MemberRegistry.remove, (3));
        vm.prank(account(1));
        uint256 id = governor.propose(targets, new uint256[](2), calldatas, "replace three");
        vote(id, 1, FOR);
        vote(id, 2, FOR);
        governor.execute(targets, new uint256[](2), calldatas, keccak256("replace three"));
        assertEq(registry.activeMembers(), 3, "activeMembers");
        vm.warp(NOW + 2);
        assertEq(governor.quorum(NOW + 1), 2, "quorum");
    }

    function test_aMultisigIsAMember() external {
        address[3] memory owners = [address(0xa), address(0xb), address(0xc)];
        Multisig multisig = new Multisig(owners);
        pass(abi.encodeCall(MemberRegistry.admit, (address(multisig))), "a multisig");
        vm.warp(NOW + 2);

        bytes memory possession = sign(secret(6), registry.nodeKeyPossessionDigest(address(multisig)));
        asMultisig(multisig, address(registry), abi.encodeCall(MemberRegistry.addNodeKey, (nodeKey(6), possession)));
        assertEq(registry.nodeKey(nodeKey(6)).member, 6, "member");

        bytes memory call = abi.encodeCall(MemberRegistry.suspend, (5));
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action(call);
        asMultisig(
            multisig,
            address(governor),
            abi.encodeCall(governor.propose, (targets, values, calldatas, "by a multisig"))
        );
        uint256 id = governor.hashProposal(targets, values, calldatas, keccak256("by a multisig"));
        asMultisig(multisig, address(governor), abi.encodeCall(governor.castVote, (id, FOR)));
        for (uint16 member = 1; member <= 3; ++member) vote(id, member, FOR);
        execute(call, "by a multisig");
        assertTrue(!registry.isActiveMember(5), "suspended");

        asMultisig(multisig, address(registry), abi.encodeCall(MemberRegistry.revokeNodeKey, (nodeKey(6))));
        assertTrue(registry.nodeKey(nodeKey(6)).revokedAtBlock != 0, "revoked");
    }

    function test_aBallotBySignatureIsTheVotersOnly() external {
        address[] memory founders = new address[](3);
        for (uint16 member = 1; member <= 3; ++member) founders[member - 1] = nodeKey(member);
        registry = new MemberRegistry(
            vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1),
            founders,
            parameters
        );
        governor = new ConsortiumGovernor(registry, VOTING_PERIOD);
        vm.warp(NOW + 2);
        uint256 id = propose(nodeKey(1), abi.encodeCall(MemberRegistry.admit, (account(4))), "by signature");
        bytes memory ballot = ballotOf(secret(2), id, nodeKey(2));
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, nodeKey(3)));
        governor.castVoteBySig(id, FOR, nodeKey(3), ballot);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, nodeKey(2)));
        governor.castVoteBySig(id, AGAINST, nodeKey(2), ballot);
        governor.castVoteBySig(id, FOR, nodeKey(2), ballot);
        assertTrue(governor.hasVoted(id, nodeKey(2)), "voted");
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, nodeKey(2)));
        governor.castVoteBySig(id, FOR, nodeKey(2), ballot);
    }

    function test_itCallsTheRegistryOnlyAndSendsNothing() external {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action("");
        address[4] memory others = [address(governor), address(memory_), address(0), address(0xbad)];
        for (uint256 i = 0; i < others.length; ++i) {
            targets[0] = others[i];
            vm.expectRevert(
                abi.encodeWithSelector(IConsortiumGovernor.ConsortiumGovernorForeignTarget.selector, 0, others[i])
            );
            vm.prank(account(1));
            governor.propose(targets, values, calldatas, "elsewhere");
        }
        targets[0] = address(registry);
        values[0] = 1;
        vm.expectRevert(abi.encodeWithSelector(IConsortiumGovernor.ConsortiumGovernorValueForbidden.selector, 0, 1));
        vm.prank(account(1));
        governor.propose(targets, values, calldatas, "a gift");
    }

    function test_nobodyCancels() external {
        bytes memory call = abi.encodeCall(MemberRegistry.admit, (account(6)));
        uint256 id = propose(account(1), call, "mine");
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) = action(call);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, account(1)));
        vm.prank(account(1));
        governor.cancel(targets, values, calldatas, keccak256("mine"));
    }

    function test_itGovernsOneRegistryAndGivesTimeToVote() external {
        MemberRegistry foreign = registry;
        vm.expectRevert(
            abi.encodeWithSelector(IConsortiumGovernor.ConsortiumGovernorInvalidRegistry.selector, address(foreign))
        );
        new ConsortiumGovernor(foreign, VOTING_PERIOD);
        vm.expectRevert(
            abi.encodeWithSelector(IConsortiumGovernor.ConsortiumGovernorInvalidRegistry.selector, address(0xbad))
        );
        new ConsortiumGovernor(MemberRegistry(address(0xbad)), VOTING_PERIOD);

        address[] memory founders = new address[](3);
        for (uint16 member = 1; member <= 3; ++member) founders[member - 1] = account(member);
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        MemberRegistry own = new MemberRegistry(next, founders, parameters);
        uint32 short = governor.MIN_VOTING_PERIOD() - 1;
        vm.expectRevert(
            abi.encodeWithSelector(IConsortiumGovernor.ConsortiumGovernorInvalidVotingPeriod.selector, short)
        );
        new ConsortiumGovernor(own, short);
    }

    /// @dev The votes of the first members, as many as are needed, from the first active one on.
    function pass(bytes memory call, string memory description) private {
        uint16 proposer = 1;
        while (!registry.isActiveMember(proposer)) ++proposer;
        uint256 id = propose(account(proposer), call, description);
        for (uint16 member = proposer; governor.state(id) == IGovernor.ProposalState.Active; ++member) {
            if (registry.isActiveMember(member)) vote(id, member, FOR);
        }
        execute(call, description);
    }

    function asMultisig(Multisig multisig, address target, bytes memory data) private {
        vm.prank(address(0xa));
        multisig.approve(address(0xb), target, data);
        vm.prank(address(0xb));
        multisig.approve(address(0xa), target, data);
    }

    function ballotOf(uint256 privateKey, uint256 id, address voter) private view returns (bytes memory) {
        (, string memory name, string memory version, uint256 chainId, address verifier, , ) = governor.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifier
            )
        );
        bytes32 ballot = keccak256(abi.encode(governor.BALLOT_TYPEHASH(), id, FOR, voter, governor.nonces(voter)));
        return sign(privateKey, keccak256(abi.encodePacked(hex"1901", domain, ballot)));
    }

    function assertState(uint256 id, IGovernor.ProposalState expected) private view {
        assertEq(uint256(governor.state(id)), uint256(expected), "state");
    }
}
