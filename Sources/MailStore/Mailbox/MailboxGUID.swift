/// What tells a mailbox from all others for good: 32 hexadecimal digits, as Dovecot writes them.
public enum MailboxGUID {
    /// One that no mailbox has: 128 random bits.
    public static func make() -> String {
        var text: [UInt8] = []
        text.reserveCapacity(32)
        for _ in 0..<2 {
            let word = UInt64.random(in: .min ... .max)
            for shift in stride(from: 60, through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift) & 15)
                text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
