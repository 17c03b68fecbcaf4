import Glibc
import IndexedStore
import MailStore

extension MaildirAccount {
    private static let attributesPath = RelativePath("dovecot-attributes")

    func attributes() throws(StoreError) -> [StoredAttribute] {
        let content = try FileContent.read(Self.attributesPath, in: try self.directory())
        return content.map { AttributesFile($0.bytes).attributes } ?? []
    }

    func changeAttributes(_ changes: [StoredAttribute]) throws(StoreError) {
        try self.changeAttributes { file in for change in changes { file.change(change) } }
    }

    func removeAttributes(of guid: String) throws(StoreError) {
        // Few have any: no lock is taken for the others.
        guard try self.directory().status(Self.attributesPath) != nil else { return }
        try self.changeAttributes { $0.remove(guid) }
    }

    /// Changes the file where that makes a difference.
    private func changeAttributes(_ change: (inout AttributesFile) -> Void) throws(StoreError) {
        let root = try self.directory()
        let lock = try DotLock("dovecot-attributes", in: root, self.shared.options, staleAfter: 30)
        let content = try FileContent.read(Self.attributesPath, in: root)
        let before = content.map { AttributesFile($0.bytes) } ?? AttributesFile()
        var file = before
        change(&file)
        guard file != before else { return }
        // It holds what only its owner is to read.
        try lock.replace(with: file.encoded(), mode: 0o600, sync: self.shared.options.syncTextFiles)
    }
}
