// The standard library has normalization for itself alone; this is the one door to it.
@_spi(_Unicode) import Swift

extension String {
    /// The text in Unicode Normalization Form C, in which Net-Unicode wants names (RFC 5198 section 2).
    public var normalizedToNFC: String {
        if self.utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var scalars = String.UnicodeScalarView()
        for scalar in self._nfc { scalars.append(scalar) }
        return String(scalars)
    }

    /// The text in Unicode Normalization Form D: every character that has a canonical decomposition, decomposed.
    public var canonicalDecomposition: String {
        if self.utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var scalars = String.UnicodeScalarView()
        for scalar in self._nfd { scalars.append(scalar) }
        return String(scalars)
    }
}
