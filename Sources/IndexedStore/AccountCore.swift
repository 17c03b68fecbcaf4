internal import Glibc
internal import MailCore
internal import MailStore

/// What all parts of an open account share: its number, its place, its files and its volume.
final class AccountCore: Sendable {
    let id: UInt32
    let identity: AccountIdentity
    let files: any AccountFiles
    let volume: Volume
    /// The device that holds the account's files, to sync each file system once.
    let fileSystem: UInt64

    init(id: UInt32, identity: AccountIdentity, files: any AccountFiles, volume: Volume) {
        self.id = id
        self.identity = identity
        self.files = files
        self.volume = volume
        var status = stat()
        self.fileSystem = stat(identity.mailPath, &status) == 0 ? UInt64(status.st_dev) : 0
    }

    /// Runs file work under the ids that own the account's files.
    func asOwner<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        try self.identity.asOwner(body)
    }
}
