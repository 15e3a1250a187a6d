// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What an append-only tree says about its own past
/// @notice Reads the path SUBPROOF(m, D[n], false) of RFC 9162 §2.1.4.1: the consistency path that always names the
/// subtrees of the older tree, also where that tree is a whole subtree of the newer one.
/// @dev The `false` is what makes it fit to accuse somebody. The usual consistency proof leaves the older root out when
/// m is a power of two and takes it from the verifier; a path that then fails to rebuild the newer root shows only that
/// *something* is wrong, possibly the path. Here every hash of the path goes into the newer root. As long as SHA-256
/// has no collisions, a path that rebuilds a root consists of the very subtrees under that root, so the older root that
/// it yields is the only one that a history under the newer root can have had.
library MerkleHistory {
    /// @notice The path has not the one length that its two sizes allow: where one hash had to be left, `left` were.
    error MerkleHistoryPathLength(uint256 left);

    /// @notice Both roots that `path` stands for.
    /// @param older Size m of the older tree, 1 ≤ m ≤ n.
    /// @param newer Size n of the newer tree.
    /// @param path SUBPROOF(m, D[n], false), deepest subtree first.
    /// @return olderRoot MTH(D[m]) as the path tells it.
    /// @return newerRoot MTH(D[n]) as the path tells it.
    function rebuild(
        uint256 older,
        uint256 newer,
        bytes32[] calldata path
    ) internal pure returns (bytes32 olderRoot, bytes32 newerRoot) {
        if (older == newer) {
            // SUBPROOF(m, D[m], false) = [MTH(D[m])]
            if (path.length != 1) revert MerkleHistoryPathLength(path.length);
            return (path[0], path[0]);
        }
        if (path.length == 0) revert MerkleHistoryPathLength(0);
        bytes32 sibling = path[path.length - 1];
        bytes32[] calldata rest = path[:path.length - 1];

        // k is the largest power of two smaller than n: the left subtree holds D[0:k], the right one D[k:n].
        uint256 k = 1 << Math.log2(newer - 1);
        if (older <= k) {
            // SUBPROOF(m, D[n], b) = SUBPROOF(m, D[0:k], b) : MTH(D[k:n])
            (olderRoot, newerRoot) = rebuild(older, k, rest);
            return (olderRoot, hashNode(newerRoot, sibling));
        }
        // SUBPROOF(m, D[n], b) = SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])
        (olderRoot, newerRoot) = rebuild(older - k, newer - k, rest);
        return (hashNode(sibling, olderRoot), hashNode(sibling, newerRoot));
    }

    /// @notice The hash of a node, RFC 9162 §2.1.1.
    function hashNode(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
