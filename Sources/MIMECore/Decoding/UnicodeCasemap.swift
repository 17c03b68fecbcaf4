/// The collation i;unicode-casemap (RFC 5051), by which SEARCH, SORT and THREAD compare strings: two texts compare as
/// the octets of their mapped forms do, and one is in another where its mapped form is in the other's.
public enum UnicodeCasemap {
    /// Mapped forms by scalar, ascending.
    private struct Table {
        var scalars: [UInt32] = []
        /// Where each form begins in `octets`, and where the last one ends.
        var starts: [UInt32] = [0]
        var octets: [UInt8] = []
        /// By the scalar's upper bits, where the scalars of its page begin; one more for the end.
        var pages: [UInt16] = []

        mutating func append(_ scalar: UInt32, _ form: [UInt32]) {
            self.scalars.append(scalar)
            for mapped in form { UTF8Text.append(mapped, to: &self.octets) }
            self.starts.append(UInt32(truncatingIfNeeded: self.octets.count))
        }

        mutating func indexPages() {
            var next = 0
            for page in 0...UInt32(0x11_0000 >> 7) {
                while next < self.scalars.count, self.scalars[next] < page << 7 { next += 1 }
                self.pages.append(UInt16(truncatingIfNeeded: next))
            }
        }

        func form(of scalar: UInt32) -> ArraySlice<UInt8>? {
            // Nearly every page of the scripts without case is empty.
            var low = Int(self.pages[Int(scalar >> 7)])
            let end = Int(self.pages[Int(scalar >> 7) + 1])
            var high = end
            if low == high { return nil }
            while low < high {
                let middle = (low + high) / 2
                if self.scalars[middle] < scalar { low = middle + 1 } else { high = middle }
            }
            guard low < end, self.scalars[low] == scalar else { return nil }
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
        table.indexPages()
        return table
    }()

    /// Appends the mapped form of `text`, at most `limit` octets and one scalar's more. What is not UTF-8 stays as it is.
    public static func append(_ text: [UInt8], limit: Int = .max, to out: inout [UInt8]) {
        text.withUnsafeBytes { self.append(Octets($0), limit: limit, to: &out) }
    }

    static func append(_ text: Octets, limit: Int = .max, to out: inout [UInt8]) {
        let start = out.count
        out.reserveCapacity(start + Swift.min(text.count, limit))
        var i = 0
        while i < text.count, out.count - start < limit {
            let byte = text[i]
            if byte < 0x80 {
                i = self.appendASCII(text, from: i, limit: limit - (out.count - start), to: &out)
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

    /// Appends the run of ASCII at `start`; answers where it ends.
    private static func appendASCII(_ text: Octets, from start: Int, limit: Int, to out: inout [UInt8]) -> Int {
        let end = text[0..<start + Swift.min(text.count - start, limit)].endOfASCII(from: start)
        let place = out.count
        out.append(contentsOf: text[start..<end].buffer)
        out.withUnsafeMutableBufferPointer { mapped in
            for index in place..<mapped.count {
                let byte = mapped[index]
                mapped[index] = byte &- 0x61 < 26 ? byte & 0xDF : byte
            }
        }
        return end
    }
}
