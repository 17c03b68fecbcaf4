import Glibc
import MailCore
import MailStore

/// `dovecot-uidvalidity` and its sibling `dovecot-uidvalidity.<same 8 hexadecimal digits>`: the last UIDVALIDITY
/// that an account has given.
///
/// The sibling is an empty file that is renamed to the next number: whoever succeeds has that number to itself,
/// without a lock. The main file says it once more.
struct UIDValidityFile {
    private static let main = RelativePath("dovecot-uidvalidity")
    private static let prefix = Array("dovecot-uidvalidity.".utf8)

    let directory: DirectoryHandle

    /// Takes the next number: above the last one, and not below `now` (seconds since 1970) or `floor`.
    /// - Parameter floor: asked for when neither file says what was given; the highest in use.
    func next(now: Int64, floor: () -> UInt32) throws(StoreError) -> UIDValidity {
        for _ in 0..<100 {
            let siblings = try self.siblings()
            let written = try self.mainValue()
            var last = max(written ?? 0, siblings.max() ?? 0)
            if written == nil, siblings.isEmpty { last = floor() }
            guard last < UInt32.max - 1 else { throw StoreError(.limit, "UIDVALIDITY is used up") }
            let clock = UInt32(exactly: max(0, now)) ?? 0
            let value = max(last + 1, min(clock, UInt32.max - 1))
            guard try self.claim(value, from: siblings.max()) else { continue }
            for stale in siblings where stale != siblings.max() {
                _ = self.directory.unlink(self.path(stale))
            }
            try self.writeMain(value)
            guard let validity = UIDValidity(rawValue: value) else { continue }
            return validity
        }
        throw StoreError(.inUse, "dovecot-uidvalidity changes all the time")
    }

    private func claim(_ value: UInt32, from last: UInt32?) throws(StoreError) -> Bool {
        if let last {
            let renamed = self.directory.rename(self.path(last), self.path(value))
            if renamed == -ENOENT { return false }
            guard renamed == 0 else { throw StoreError.system("rename dovecot-uidvalidity", renamed) }
            return true
        }
        let made = self.directory.open(self.path(value), O_WRONLY | O_CREAT | O_EXCL, mode: 0o444)
        if made == -EEXIST { return false }
        guard made >= 0 else { throw StoreError.system("create dovecot-uidvalidity", made) }
        close(made)
        return true
    }

    private func siblings() throws(StoreError) -> [UInt32] {
        var values: [UInt32] = []
        try self.directory.forEachName(in: RelativePath(".")) { name in
            guard name.count == Self.prefix.count + 8, name.starts(with: Self.prefix) else { return true }
            if let value = Self.parse(name.dropFirst(Self.prefix.count)) { values.append(value) }
            return true
        }
        return values
    }

    private func mainValue() throws(StoreError) -> UInt32? {
        guard let content = try FileContent.read(Self.main, in: self.directory) else { return nil }
        return Self.parse(content.bytes.prefix(8))
    }

    private func writeMain(_ value: UInt32) throws(StoreError) {
        let descriptor = self.directory.open(Self.main, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
        guard descriptor >= 0 else { throw StoreError.system("open dovecot-uidvalidity", descriptor) }
        defer { close(descriptor) }
        try FileContent.write(Self.digits(value), to: descriptor, Self.main)
    }

    private func path(_ value: UInt32) -> RelativePath { RelativePath(Self.prefix + Self.digits(value)) }

    private static func digits(_ value: UInt32) -> [UInt8] {
        let text = Array(String(value, radix: 16).utf8)
        return Array(repeating: 0x30, count: 8 - text.count) + text
    }

    private static func parse(_ text: some Collection<UInt8>) -> UInt32? {
        guard text.count == 8 else { return nil }
        var value: UInt32 = 0
        for byte in text {
            guard let digit = ASCII.hexValue(byte) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value == 0 ? nil : value
    }
}
