import Glibc
import IndexedStore
public import Logging
import MailCore
public import MailStore
import MaildirFormat
import PackFormat
public import ServerConfig

/// Opens the store that the settings describe: the one place that names a body format.
public enum MailStoreWiring {
    /// Opens it; blocks while a log is replayed. The lock of the volume keeps a second process out.
    ///
    /// - Parameter quotaCrossed: takes levels that accounts crossed; must only note them.
    public static func open(
        _ settings: Settings, logger: Logger,
        quotaCrossed: @escaping @Sendable (QuotaCrossing) -> Void = { _ in }
    ) throws(StoreError) -> any MailStore {
        if let missing = Self.missingVolumes(settings).first { throw StoreError(.cannot, missing) }
        var maildir = MaildirOptions()
        maildir.escapeCharacter = settings.mail.escapeCharacter.utf8.first ?? maildir.escapeCharacter
        maildir.namesInUTF8 = settings.mail.namesInUTF8
        maildir.syncTextFiles = settings.mail.fsync != .never
        maildir.report = { logger.warning("\($0)") }
        var configuration = IndexedStore.Configuration(
            directory: settings.volumePath,
            bodyFormats: [
                MailDriver.maildir.rawValue: MaildirFormat(maildir), MailDriver.pack.rawValue: PackFormat(),
            ], clock: { Int64(time(nil)) })
        configuration.fsync =
            switch settings.mail.fsync {
            case .optimized: .optimized
            case .always: .always
            case .never: .never
            }
        configuration.bodyCodec = ZstdCodec(level: settings.mail.compressionLevel)
        if settings.mail.compression == .zstd {
            guard configuration.bodyCodec != nil else {
                throw StoreError(
                    .cannot,
                    "mail_volume_compression = zstd needs the library \(ZstdCodec.library), which is not installed")
            }
            configuration.packsBodies = true
        }
        configuration.segmentRetention = settings.mail.logRetention.components.seconds
        configuration.backgroundRate = Int(clamping: settings.mail.backgroundRate)
        configuration.trace.octets = settings.mail.traceSize
        configuration.trace.age = settings.mail.traceAge.components.seconds
        // The store knows accounts; namespaces are what users see of them (Accounts).
        let separator = settings.namespaces.first?.separator.utf8.first ?? UInt8(ascii: "/")
        configuration.namespaces = [Namespace(kind: .personal, prefix: "", separator: separator)]
        configuration.mailboxDefaults = settings.namespaces.filter(\.holdsInbox).flatMap {
            Self.defaults($0, logger)
        }
        configuration.quotaCrossed = quotaCrossed
        configuration.log = { level, text in
            switch level {
            case .notice: logger.info("\(text)")
            case .warning: logger.warning("\(text)")
            case .error: logger.error("\(text)")
            }
        }
        guard !settings.mail.volumes.isEmpty else { return try IndexedStore.open(configuration) }
        let whole = configuration
        let volumes = settings.volumes.map { volume in
            var one = whole
            one.directory = volume.path
            one.volumeName = volume.name
            one.log = { level, text in whole.log(level, "volume \(volume.name): \(text)") }
            return one
        }
        let usual = settings.mail.volume.isEmpty ? VolumeSettings.usualName : settings.mail.volume
        return try VolumeSet.open(volumes, usual: usual)
    }

    /// A sentence for each volume with accounts that the settings leave out. Reads files beside the logs of the others,
    /// and passes over those that it may not read.
    public static func missingVolumes(_ settings: Settings) -> [String] {
        let volumes = settings.volumes.map { VolumeRoster.Entry(name: $0.name, directory: $0.path) }
        return VolumeRoster.missing(from: volumes).map { VolumeRoster.text($0, among: volumes) }
    }

    private static func defaults(
        _ namespace: NamespaceSettings, _ logger: Logger
    ) -> [IndexedStore.MailboxDefault] {
        namespace.mailboxes.compactMap { mailbox in
            // Inside, levels are joined by `/` whatever clients see.
            let text = mailbox.name.split(separator: namespace.separator, omittingEmptySubsequences: false)
                .joined(separator: "/")
            guard let name = MailboxName(text) else {
                logger.error("mailbox \(mailbox.name): no mailbox can have this name")
                return nil
            }
            let use = mailbox.specialUse.lazy.compactMap { word in
                SpecialUse.allCases.first { $0.rawValue.lowercased() == word.lowercased() }
            }.first
            let creation: IndexedStore.MailboxDefault.Creation =
                switch mailbox.autoCreation {
                case .no: .no
                case .create: .create
                case .subscribe: .subscribe
                }
            let aliases = mailbox.aliases.compactMap { alias in
                MailboxName(
                    alias.split(separator: namespace.separator, omittingEmptySubsequences: false)
                        .joined(separator: "/"))
            }
            return IndexedStore.MailboxDefault(name: name, specialUse: use, creation: creation, aliases: aliases)
        }
    }
}
