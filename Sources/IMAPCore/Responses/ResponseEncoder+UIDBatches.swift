public import MailCore

extension ResponseEncoder {
    /// `* UIDBATCHES (TAG "A143") 215295:99696,99695:1`: ranges from the highest UID down, the higher bound first; none
    /// when there is no message (RFC 10022).
    public mutating func uidBatches(_ tag: Tag, _ batches: some Sequence<ClosedRange<UID>>) {
        self.bytes.append("* UIDBATCHES (TAG ")
        self.bytes.appendIMAPString(tag.bytes)
        self.bytes.append(UInt8(ascii: ")"))
        var isFirst = true
        for batch in batches {
            self.bytes.append(isFirst ? 0x20 : UInt8(ascii: ","))
            isFirst = false
            self.bytes.appendDecimal(UInt64(batch.upperBound.rawValue))
            self.bytes.append(UInt8(ascii: ":"))
            self.bytes.appendDecimal(UInt64(batch.lowerBound.rawValue))
        }
        self.endLine()
    }
}
