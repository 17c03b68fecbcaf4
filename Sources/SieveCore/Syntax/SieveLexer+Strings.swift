extension SieveLexer {
    /// The rest of a quoted string whose opening quote has been consumed.
    mutating func quotedString(_ start: SievePosition) -> SieveToken.Kind {
        var value: [UInt8] = []
        var isValid = true
        while !self.isAtEnd {
            if self.takeLineEnd() {
                value.append(0x0D)
                value.append(0x0A)
                continue
            }
            var byte = self.peek()
            if byte == UInt8(ascii: "\"") {
                self.index += 1
                return self.finished(value, isValid, start)
            }
            if byte == UInt8(ascii: "\\") {
                self.index += 1
                // A backslash before a line end stands for nothing; the line end stays.
                if self.isAtEnd || self.takeLineEndInto(&value) { continue }
                byte = self.peek()
            }
            isValid = self.checkOctet(byte) && isValid
            value.append(byte)
            self.index += 1
        }
        self.diagnostics.error(start, "this string is not closed by a double quote")
        return .invalid
    }

    private mutating func takeLineEndInto(_ value: inout [UInt8]) -> Bool {
        guard self.takeLineEnd() else { return false }
        value.append(0x0D)
        value.append(0x0A)
        return true
    }

    /// `text:` to the line with a single dot; the colon is next (RFC 5228 section 2.4.2).
    mutating func multiLine(_ start: SievePosition) -> SieveToken.Kind {
        self.index += 1
        while self.peek() == 0x20 || self.peek() == 0x09 { self.index += 1 }
        if self.peek() == UInt8(ascii: "#") { self.skipToLineEnd() }
        guard self.takeLineEnd() else {
            self.diagnostics.error(
                self.position(), "after \"text:\" the line must end; the text begins on the next")
            return .invalid
        }
        var value: [UInt8] = []
        var isValid = true
        while !self.isAtEnd {
            if self.peek() == UInt8(ascii: ".") {
                let next = self.peek(1)
                let endsLine =
                    next == 0x0A || (next == 0x0D && self.peek(2) == 0x0A)
                    || self.index + 1 == self.source.count
                if endsLine {
                    self.index += 1
                    _ = self.takeLineEnd()
                    return self.finished(value, isValid, start)
                }
                if next == UInt8(ascii: ".") { self.index += 1 }
            }
            while !self.isAtEnd, !self.takeLineEndInto(&value) {
                isValid = self.checkOctet(self.peek()) && isValid
                value.append(self.peek())
                self.index += 1
            }
        }
        self.diagnostics.error(start, "this text is not closed by a line with a single dot")
        return .invalid
    }

    private mutating func finished(
        _ value: [UInt8], _ isValid: Bool, _ start: SievePosition
    ) -> SieveToken.Kind {
        guard isValid else { return .invalid }
        guard value.count <= self.limits.stringSize else {
            self.diagnostics.error(start, "this string is longer than \(self.limits.stringSize) octets")
            return .invalid
        }
        return .string(value)
    }

    /// Complains of what no string may contain.
    private mutating func checkOctet(_ byte: UInt8) -> Bool {
        switch byte {
        case 0: self.diagnostics.error(self.position(), "a NUL octet is not allowed in scripts")
        case 0x0D:
            self.diagnostics.error(self.position(), "a carriage return without a line feed is not allowed")
        default: return true
        }
        return false
    }
}
