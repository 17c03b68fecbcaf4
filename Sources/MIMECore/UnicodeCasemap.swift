/// The collation i;unicode-casemap (RFC 5051), by which SORT and THREAD compare strings: two texts compare as the
/// octets of their mapped forms do.
public enum UnicodeCasemap {
    /// Mapped forms by scalar, ascending.
    private struct Table {
        var scalars: [UInt32] = []
        /// Where each form begins in `octets`, and where the last one ends.
        var starts: [UInt32] = [0]
        var octets: [UInt8] = []

        mutating func append(_ scalar: UInt32, _ form: [UInt32]) {
            self.scalars.append(scalar)
            for mapped in form { UTF8Text.append(mapped, to: &self.octets) }
            self.starts.append(UInt32(truncatingIfNeeded: self.octets.count))
        }

        func form(of scalar: UInt32) -> ArraySlice<UInt8>? {
            var low = 0
            var high = self.scalars.count
            while low < high {
                let middle = (low + high) / 2
                if self.scalars[middle] < scalar { low = middle + 1 } else { high = middle }
            }
            guard low < self.scalars.count, self.scalars[low] == scalar else { return nil }
            return self.octets[Int(self.starts[low])..<Int(self.starts[low + 1])]
        }
    }

    private static let table: Table = {
        var table = Table()
        var first: UInt32 = 0
        var last: UInt32 = 0
        var step: UInt32 = 1
        var number: UInt32 = 0
        var form: [UInt32] = []
        UnicodeCasemapTable.text.withUTF8Buffer { text in
            for byte in text {
                switch byte {
                case UInt8(ascii: "-"):
                    first = number
                    number = 0
                case UInt8(ascii: "/"): step = 2
                case UInt8(ascii: ":"):
                    last = number
                    if first == 0 { first = last }
                    number = 0
                case UInt8(ascii: ","):
                    form.append(number)
                    number = 0
                case UInt8(ascii: ";"):
                    form.append(number)
                    for scalar in stride(from: first, through: last, by: Int(step)) {
                        table.append(scalar, scalar == first ? form : [form[0] &+ (scalar - first)])
                    }
                    (first, last, step, number, form) = (0, 0, 1, 0, [])
                default:
                    let digit = byte < 0x3A ? byte - 0x30 : byte - 0x37
                    number = number << 4 | UInt32(digit)
                }
            }
        }
        return table
    }()

    /// Appends the mapped form of `text`, at most `limit` octets and one scalar's more. What is not UTF-8 stays as it is.
    public static func append(_ text: [UInt8], limit: Int = .max, to out: inout [UInt8]) {
        text.withUnsafeBytes { self.append(Octets($0), limit: limit, to: &out) }
    }

    private static func append(_ text: Octets, limit: Int, to out: inout [UInt8]) {
        let start = out.count
        var i = 0
        while i < text.count, out.count - start < limit {
            let byte = text[i]
            if byte < 0x80 {
                out.append(byte &- 0x61 < 26 ? byte & 0xDF : byte)
                i += 1
                continue
            }
            let length = UTF8Text.sequenceLength(text, at: i)
            var scalar: UInt32 = 0
            switch length {
            case 2: scalar = UInt32(byte & 0x1F)
            case 3: scalar = UInt32(byte & 0x0F)
            case 4: scalar = UInt32(byte & 0x07)
            default:
                out.append(byte)
                i += 1
                continue
            }
            for position in i + 1..<i + length { scalar = scalar << 6 | UInt32(text[position] & 0x3F) }
            if let form = self.table.form(of: scalar) {
                out.append(contentsOf: form)
            } else {
                out.append(contentsOf: text[i..<i + length].buffer)
            }
            i += length
        }
    }
}
