import IndexedStore
import MailCore
import MailStore

/// The files of a mailbox that has none. The engine does not call what would need one.
struct PackMailbox: MailboxFiles {
    private static let noFiles = StoreError(.cannot, "a mailbox in the log has no files")

    func scan() throws(StoreError) -> MailboxScan { throw Self.noFiles }

    func fingerprint() -> UInt64 { 0 }
    var isSettled: Bool { true }

    var watchedDirectories: [String] { [] }

    func prepare(
        _ octets: MessageOctets, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) -> PreparedBody {
        throw Self.noFiles
    }

    func prepareLink(
        to source: PreparedBody, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) -> PreparedBody? {
        throw Self.noFiles
    }

    func publish(_ body: PreparedBody, flags: FileFlags) throws(StoreError) { throw Self.noFiles }

    func discard(_ body: PreparedBody) {}

    func restore(
        _ octets: MessageOctets, at location: BodyLocation, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) {
        throw Self.noFiles
    }

    func prepareCopy(
        of location: BodyLocation, flags: FileFlags, in source: any MailboxFiles, as target: FileFlags
    ) throws(StoreError) -> PreparedBody {
        throw Self.noFiles
    }

    func record(_ rows: [UIDListRow], header: MailboxHeader) throws(StoreError) {}

    func setFlags(_ location: BodyLocation, from old: FileFlags, to new: FileFlags) throws(StoreError) {}

    func remove(_ location: BodyLocation, flags: FileFlags) throws(StoreError) {}

    func read(_ location: BodyLocation, flags: FileFlags) throws(StoreError) -> MessageOctets {
        throw Self.noFiles
    }

    func flush() throws(StoreError) {}
}
