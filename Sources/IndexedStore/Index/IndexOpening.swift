internal import Glibc
internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// Opens a volume's index, or a new one in its place when that cannot be used and the log has what it takes.
///
/// The log is what is true. So an index that is broken, cut short, of an old version without an upgrade, of another
/// log, or copied while it was written is set aside and made again; one of a newer release is refused.
struct IndexOpening {
    private let configuration: IndexedStore.Configuration
    private let log: VolumeLog
    private var path: String { self.configuration.directory + "/index" }
    private var asidePath: String { self.configuration.directory + "/index-aside" }

    init(_ configuration: IndexedStore.Configuration, _ log: VolumeLog) {
        self.configuration = configuration
        self.log = log
    }

    /// Why an index is not used.
    private struct Refusal {
        var reason: String
        /// Whether an index that cannot be made again may be used all the same.
        var isPrecaution = false
    }

    private enum Attempt {
        case opened(IndexSchema)
        case unusable(Refusal)
    }

    /// Whether an index is refused on suspicion.
    private enum Strictness { case strict, lenient }

    func run() throws(StoreError) -> IndexSchema {
        let refusal: Refusal
        switch try self.attempt(.strict) {
        case .opened(let schema): return schema
        case .unusable(let found): refusal = found
        }
        switch try CheckpointSearch(self.log).start() {
        case .checkpoint, .firstRecord: break
        case .incomplete, .nowhere:
            // Better an index of doubtful origin than none.
            if refusal.isPrecaution, case .opened(let schema) = try self.attempt(.lenient) { return schema }
            throw StoreError(
                .damaged,
                "\(refusal.reason), and the log does not go back far enough to make it again. Move \(self.path) away "
                    + "and start again: mailboxes are then read from the mail files; of pack accounts only what the "
                    + "log has comes back")
        }
        self.configuration.log(.warning, "\(refusal.reason): it is set aside as \(self.asidePath) and made again")
        try self.setAside()
        switch try self.attempt(.lenient) {
        case .opened(let schema): return schema
        case .unusable(let refusal): throw StoreError(.damaged, refusal.reason)
        }
    }

    private func attempt(_ strictness: Strictness) throws(StoreError) -> Attempt {
        var status = stat()
        let isThere = stat(self.path + "/data.mdb", &status) == 0
        if strictness == .strict, isThere, self.log.openReport.isCopy {
            return .unusable(
                Refusal(
                    reason: "the volume in \(self.configuration.directory) is a copy, so that its index may be of "
                        + "several moments", isPrecaution: true))
        }
        let environment: Environment
        let found: Result<Attempt, StoreError>
        do throws(LMDBError) {
            var options = Environment.Options()
            options.durability = self.configuration.fsync == .never ? .noSync : .noMetaSync
            if self.configuration.indexMapSize > 0 { options.mapSize = self.configuration.indexMapSize }
            environment = try Environment(path: self.path, options: options)
        } catch {
            return try Self.outcome(error)
        }
        do throws(LMDBError) {
            found = try self.examine(try IndexSchema(environment), strictness)
        } catch {
            environment.close()
            return try Self.outcome(error)
        }
        if case .success(.opened(let schema)) = found { return .opened(schema) }
        environment.close()
        return try found.get()
    }

    /// Of an index that could not be read: unusable, or something that time or an administrator mends.
    private static func outcome(_ error: LMDBError) throws(StoreError) -> Attempt {
        switch error.code {
        case .corrupted, .invalid, .versionMismatch, .badDatabase:
            return .unusable(Refusal(reason: "the index cannot be read (\(error))"))
        default: throw StoreError(error)
        }
    }

    private func examine(
        _ schema: IndexSchema, _ strictness: Strictness
    ) throws(LMDBError) -> Result<Attempt, StoreError> {
        let (version, tag) = try schema.environment.read { (transaction) throws(LMDBError) in
            (try schema.meta(.version, transaction), try schema.meta(.log, transaction))
        }
        // New, or a rebuild that was cut short: it begins anew.
        guard let version else { return .success(.opened(schema)) }
        guard version <= IndexSchema.version else {
            return .failure(
                StoreError(
                    .damaged,
                    "the index in \(self.configuration.directory) has version \(version); this server knows only "
                        + "\(IndexSchema.version): start the newer release again"))
        }
        let missing = schema.environment.missingBytes
        if missing > 0, strictness == .strict {
            let refusal = Refusal(reason: "the index is \(missing) octets too short", isPrecaution: true)
            return .success(.unusable(refusal))
        }
        if let tag, tag != self.log.tag, self.log.lastSequence > .none {
            return .success(.unusable(Refusal(reason: "the index belongs to another log")))
        }
        guard version < IndexSchema.version else { return .success(.opened(schema)) }
        guard try IndexUpgrade.run(schema, from: version, self.log) else {
            return .success(.unusable(Refusal(reason: "the index has version \(version), which is too old")))
        }
        self.configuration.log(
            .notice, "the index was brought from version \(version) to version \(IndexSchema.version)")
        return .success(.opened(schema))
    }

    private func setAside() throws(StoreError) {
        for name in ["data.mdb", "lock.mdb"] { unlink("\(self.asidePath)/\(name)") }
        rmdir(self.asidePath)
        guard rename(self.path, self.asidePath) == 0 else { throw StoreError.fromErrno("rename \(self.path)") }
        let descriptor = open(self.configuration.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError.fromErrno("open \(self.configuration.directory)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StoreError.fromErrno("fsync \(self.configuration.directory)") }
    }
}
