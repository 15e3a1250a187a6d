// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who the members of a consortium are, what speaks for them, and how far each feed has come
/// @notice Holds members and their node keys, the thresholds of the consortium, and the last anchored head of every
/// feed. The governor alone admits, suspends, reinstates, removes and sets parameters; a member account alone adds and
/// revokes its own node keys; a signature alone anchors a head; a proof alone closes a key. Who pays for a transaction
/// has no authority.
interface IMemberRegistry {
    /// @notice The thresholds of the consortium.
    /// @param members Distinct members that must support a record before it is attested (M).
    /// @param witnesses How many of those must have observed or analysed it themselves (W).
    /// @param refutes Distinct members whose refutes refute a record (R).
    /// @param maxBatch Most items one transaction may carry.
    struct Parameters {
        uint16 members;
        uint16 witnesses;
        uint16 refutes;
        uint16 maxBatch;
    }

    /// @notice A node's signed word on the state of its own append-only feed.
    /// @param feed The node key, as an address.
    /// @param size How many entries the feed has.
    /// @param root RFC 9162 Merkle tree hash over the commitments of all entries.
    struct FeedHead {
        address feed;
        uint64 size;
        bytes32 root;
    }

    /// @notice A head with the 65 bytes of its feed's EIP-712 signature in their three parts: a struct without a
    /// pointer in it.
    /// @param feed As in {FeedHead}, like `size` and `root`.
    /// @param r Leading 32 bytes of the signature.
    /// @param s Its next 32 bytes, at most n/2.
    /// @param v Its last byte, 27 or 28.
    // In the order of what it is made of: it is never stored, so there are no slots to fill.
    // solhint-disable-next-line gas-struct-packing
    struct SignedHead {
        address feed;
        uint64 size;
        bytes32 root;
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    /// @notice What is held for a node key, in one storage slot.
    /// @param member The member the key speaks for; 0 for a key never added.
    /// @param revokedAtBlock The block that closed the key; 0 while it is open.
    /// @param size Size of the greatest head anchored.
    /// @param root Leading 168 bits of that head's root; {FeedAnchored} carries all of it.
    struct NodeKey {
        uint16 member;
        uint32 revokedAtBlock;
        uint40 size;
        bytes21 root;
    }

    /// @notice `account` became member number `member`. Numbers start at 1 and are never reused.
    event MemberAdmitted(uint16 indexed member, address indexed account);

    /// @notice `member` lost its vote, and its stances no longer count.
    event MemberSuspended(uint16 indexed member);

    /// @notice `member` votes again, and its stances count again as they stand.
    event MemberReinstated(uint16 indexed member);

    /// @notice `member` is no member any more, and its number never will be one again.
    event MemberRemoved(uint16 indexed member);

    /// @notice The thresholds changed.
    event ParametersChanged(uint16 members, uint16 witnesses, uint16 refutes, uint16 maxBatch);

    /// @notice `key` speaks for `member` from this block on.
    event NodeKeyAdded(uint16 indexed member, address indexed key);

    /// @notice `key` speaks for nobody from this block on, and never will again.
    event NodeKeyRevoked(uint16 indexed member, address indexed key);

    /// @notice The feed has `size` entries under `root`.
    event FeedAnchored(address indexed feed, uint64 size, bytes32 root);

    /// @notice The owner of `feed` signed two histories of which neither continues the other. The key is closed.
    event EquivocationProven(address indexed feed, uint64 sizeA, bytes32 rootA, uint64 sizeB, bytes32 rootB);

    /// @notice Item `index` of a batch was passed over, for the reason given by `code` (see {SkipCode}).
    event Skipped(uint256 index, uint8 code);

    /// @notice `caller` is not the governor.
    error MemberRegistryNotGovernor(address caller);

    /// @notice `governor` cannot govern.
    error MemberRegistryInvalidGovernor(address governor);

    /// @notice `account` cannot be a member: nobody has it, or it is the governor or the registry itself.
    error MemberRegistryInvalidAccount(address account);

    /// @notice `account` is that of member number `member`, suspended or not.
    error MemberRegistryAccountTaken(address account, uint16 member);

    /// @notice No member has the number `member`.
    error MemberRegistryUnknownMember(uint16 member);

    /// @notice `member` is active, so it cannot be reinstated.
    error MemberRegistryMemberActive(uint16 member);

    /// @notice `member` is suspended.
    error MemberRegistryMemberSuspended(uint16 member);

    /// @notice `member` was removed: nothing is done about it any more.
    error MemberRegistryMemberRemoved(uint16 member);

    /// @notice `active` members are too few to agree on anything.
    error MemberRegistryTooFewMembers(uint16 active);

    /// @notice `active` members cannot meet `parameters`, or `parameters` contradict themselves.
    error MemberRegistryInvalidParameters(Parameters parameters, uint16 active);

    /// @notice `caller` is not the account of a member.
    error MemberRegistryNotMember(address caller);

    /// @notice The proof of possession of `key` was signed by `signer`.
    error MemberRegistryKeyNotPossessed(address key, address signer);

    /// @notice `key` was already added, by `member`.
    error MemberRegistryKeyTaken(address key, uint16 member);

    /// @notice `key` was never added.
    error MemberRegistryUnknownKey(address key);

    /// @notice `key` is closed already.
    error MemberRegistryKeyRevoked(address key);

    /// @notice `key` speaks for `member`, whose account the caller is not.
    error MemberRegistryForeignKey(address key, uint16 member);

    /// @notice A member's vote cannot be delegated to `delegatee`, nor to anybody else.
    error MemberRegistryDelegationForbidden(address delegatee);

    /// @notice `items` items are more than the `maximum` of one batch.
    error MemberRegistryBatchTooLarge(uint256 items, uint16 maximum);

    /// @notice `signature` is not 65 bytes with s ≤ n/2 and v 27 or 28, or recovers to nobody.
    error MemberRegistryMalformedSignature(bytes signature);

    /// @notice A head of `feed` was signed by `signer`.
    error MemberRegistryWrongSigner(address feed, address signer);

    /// @notice `size` entries are more than a feed can have (2⁴⁰ − 1).
    error MemberRegistryFeedTooLarge(address feed, uint64 size);

    /// @notice Heads of two feeds, `a` and `b`, cannot contradict each other.
    error MemberRegistryDifferentFeeds(address a, address b);

    /// @notice Sizes `sizeA` and `sizeB` allow no proof: the smaller comes first and is not zero.
    error MemberRegistryUnprovableSizes(uint64 sizeA, uint64 sizeB);

    /// @notice The path rebuilds `rebuilt`, which is not the root of the greater head.
    error MemberRegistryForeignPath(bytes32 rebuilt);

    /// @notice The heads of `feed` agree: the greater continues the smaller.
    error MemberRegistryConsistentHeads(address feed, uint64 sizeA, uint64 sizeB);

    /// @notice Makes `account` a member, with one vote.
    /// @dev Governor only. The account of a suspended member is reinstated, not admitted again; that of a removed one
    /// may be admitted under a new number. Every member raises what a majority is, so one replaces another in one
    /// proposal that admits the new account and removes the old one.
    /// @return member Its number.
    function admit(address account) external returns (uint16 member);

    /// @notice Takes the vote of `member` and stops counting its stances. Nothing it holds is deleted.
    /// @dev Governor only. Refused if the members left are fewer than three or than a threshold asks for.
    function suspend(uint16 member) external;

    /// @notice Gives `member` its vote back and counts its stances again, as they stand.
    /// @dev Governor only.
    function reinstate(uint16 member) external;

    /// @notice Ends the membership of `member`, suspended or not, for good: its vote is burnt, its stances never count
    /// again, its number is never used again, and its account may be admitted under a new one. What it holds stays.
    /// @dev Governor only. Refused if the members left are fewer than three or than a threshold asks for. Its keys stay
    /// as they are and speak for a number that counts nowhere; its account can still revoke them.
    function remove(uint16 member) external;

    /// @notice Sets the thresholds.
    /// @dev Governor only. 1 ≤ witnesses ≤ members ≤ active members, 1 ≤ refutes ≤ active members, 1 ≤ maxBatch.
    function setParameters(Parameters calldata newParameters) external;

    /// @notice Lets `key` speak for the calling member, at once.
    /// @dev An active member's account only. The proof of possession keeps a member from occupying a key that another
    /// one is about to add, and from passing off another's node as its own.
    /// @param possession The 65 bytes of `key`'s EIP-712 signature of `NodeKeyPossession(address account)` about the
    /// calling account: see {nodeKeyPossessionDigest}.
    function addNodeKey(address key, bytes calldata possession) external;

    /// @notice Closes `key`, at once and for ever. What it signed and got recorded stays.
    /// @dev The account of the key's member only, suspended or even removed: one must always be able to report a
    /// stolen key.
    function revokeNodeKey(address key) external;

    /// @notice Records the heads that are greater than what is held. A head that is not greater is a silent no-op, so
    /// that two relays cannot break each other; an unknown or revoked key is {Skipped}; anything malformed reverts.
    /// @dev Anybody may relay. A suspended member's heads are recorded too: evidence is wanted of it above all.
    /// @param heads Heads, of any feeds, in any order.
    function anchor(SignedHead[] calldata heads) external;

    /// @notice Closes the key that signed two heads which cannot both be prefixes of one history: heads of one size
    /// with different roots, or `path` rebuilds the greater head's root and shows another root for the smaller size.
    /// @dev Anybody may report. Closes the key, never the member: a member decides about its keys, the consortium about
    /// its members. A key that is closed already stays closed at its block, and the call reverts.
    /// @param a The smaller head, not empty, or one of two heads of equal size.
    /// @param b The greater head, or the other of two heads of equal size.
    /// @param path RFC 9162 §2.1.4.1 SUBPROOF(a.size, D[b.size], false); empty for heads of equal size.
    function reportEquivocation(
        FeedHead calldata a,
        bytes calldata signatureA,
        FeedHead calldata b,
        bytes calldata signatureB,
        bytes32[] calldata path
    ) external;

    /// @notice The contract that alone admits, suspends, reinstates, removes and sets parameters.
    function governor() external view returns (address);

    /// @notice The thresholds of the consortium.
    function parameters() external view returns (Parameters memory);

    /// @notice How many members were ever admitted: their numbers are 1 to this.
    function memberCount() external view returns (uint16);

    /// @notice How many members are active.
    function activeMembers() external view returns (uint16);

    /// @notice Whether `member` was admitted and is neither suspended nor removed.
    function isActiveMember(uint16 member) external view returns (bool);

    /// @notice Whether `member` was removed.
    function isRemovedMember(uint16 member) external view returns (bool);

    /// @notice The account of `member`, removed or not, or zero if there never was one.
    function memberAccount(uint16 member) external view returns (address);

    /// @notice The number of the member whose account is `account`, or zero if there is none.
    function memberOf(address account) external view returns (uint16);

    /// @notice What is held for `key`; all zero if it was never added.
    function nodeKey(address key) external view returns (NodeKey memory);

    /// @notice The block that added `key`, or zero if none did.
    function nodeKeyAddedAtBlock(address key) external view returns (uint32);

    /// @notice Whether `key` was open at the end of block `blockNumber`: from the block that added it on, up to, but
    /// not including, the block that closed it.
    /// @dev It tells about the key, and not whether its member counted: a suspended or removed member's keys stay open,
    /// and `getPastVotes` of its account at the block's timestamp tells the other half. For the current block and those
    /// to come it is answered as things stand.
    function isNodeKeyActive(address key, uint256 blockNumber) external view returns (bool);

    /// @notice The EIP-712 domain of everything a node key signs: "Anamnesis", version "1", this chain, this contract.
    function domainSeparator() external view returns (bytes32);

    /// @notice The digest a node key signs so that the member account `account` may add it.
    function nodeKeyPossessionDigest(address account) external view returns (bytes32);

    /// @notice The digest a node key signs to anchor `head`.
    function feedHeadDigest(FeedHead calldata head) external view returns (bytes32);
}
