import Glibc
import IndexedStore
import MailCore
import MailStore

/// `dovecot-acl` in the directory of each mailbox that has an access control list.
extension MaildirAccount {
    private static let accessListPath = RelativePath("dovecot-acl")
    /// Dovecot's cache of which mailboxes have a list; it makes a new one when there is none.
    private static let accessListCachePath = RelativePath("dovecot-acl-list")

    var keepsAccessLists: Bool { true }

    private func accessListPath(of name: MailboxName) throws(StoreError) -> RelativePath? {
        guard let directory = try self.existingDirectory(name) else { return nil }
        if directory.isEmpty { return Self.accessListPath }
        return RelativePath(directory).appending("dovecot-acl".utf8)
    }

    func accessListFingerprint(of name: MailboxName) -> UInt64 {
        guard let path = try? self.accessListPath(of: name), let root = try? self.directory(),
            let status = root.targetStatus(path)
        else { return 0 }
        var mix = FingerprintMix()
        mix.add(status)
        // Never the value for "none".
        return mix.value == 0 ? 1 : mix.value
    }

    func accessList(of name: MailboxName) throws(StoreError) -> [UInt8] {
        guard let path = try self.accessListPath(of: name) else { return [] }
        return try FileContent.read(path, in: try self.directory(), limit: AccessList.maximumTextSize)?.bytes ?? []
    }

    func setAccessList(_ text: [UInt8], of name: MailboxName) throws(StoreError) {
        guard let relative = try self.existingDirectory(name) else { return }
        let root = try self.directory()
        let directory: DirectoryHandle
        if relative.isEmpty {
            directory = root
        } else {
            guard let found = root.subdirectory(RelativePath(relative)) else {
                throw StoreError(.notFound, "mailbox \(name)")
            }
            directory = found
        }
        let lock = try DotLock("dovecot-acl", in: directory, self.shared.options)
        let known = try self.presentAccessList(in: directory)
        if text.isEmpty {
            let removed = directory.unlink(Self.accessListPath)
            guard removed == 0 || removed == -ENOENT else {
                throw StoreError.system("remove dovecot-acl of \(name)", removed)
            }
        } else if known != text {
            let mode = (directory.ownStatus?.st_mode ?? 0o700) & 0o666 | 0o600
            try lock.replace(with: text, mode: mode, sync: self.shared.options.syncTextFiles)
        }
        if known != text { _ = root.unlink(Self.accessListCachePath) }
    }

    /// `nil` also for what is too large for one, or no file: it gives way.
    private func presentAccessList(in directory: DirectoryHandle) throws(StoreError) -> [UInt8]? {
        do throws(StoreError) {
            return try FileContent.read(Self.accessListPath, in: directory, limit: AccessList.maximumTextSize)?.bytes
        } catch {
            guard error.code == .damaged else { throw error }
            return nil
        }
    }
}
