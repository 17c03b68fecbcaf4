internal import CLinux
internal import Glibc
internal import MailStore
internal import Synchronization

/// Watches the directories of open mailboxes and takes in what other programs change in them; for accounts that somebody
/// watches also those in which mailboxes come and go.
///
/// Our own changes cause events, too; they are known by their names and cost a look at the fingerprint.
final class FileWatcher: Sendable {
    private struct State {
        /// The kernel has one watch for a directory, which may be several mailboxes' home, or be reached by links.
        var targets: [CInt: [ObjectIdentifier: Target]] = [:]
        var watches: [ObjectIdentifier: Watch] = [:]
        var isClosed = false
    }

    private struct Watch {
        var count: Int
        var descriptors: [CInt]
    }

    /// For whom a directory is watched. One has at most one part for each directory.
    private struct Target {
        enum Part { case messages, home, list }

        weak var mailbox: MailboxState?
        weak var account: StoreAccount?
        var part: Part
    }

    private let state = Mutex(State())
    private let inotify: CInt
    /// Written to on close, to end the thread.
    private let stopPipe: (read: CInt, write: CInt)
    private let threads: StorageThreads
    private let report: @Sendable (IndexedStore.LogLevel, String) -> Void
    private let thread = ThreadSlot()

    /// Events closer together than this, in milliseconds, are answered with one look.
    private static let quietTime: CInt = 30

    /// `nil` when the kernel gives no inotify instance; changes are then seen when a mailbox is opened.
    init?(threads: StorageThreads, report: @escaping @Sendable (IndexedStore.LogLevel, String) -> Void) {
        let descriptor = inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK))
        var ends: [CInt] = [-1, -1]
        guard descriptor >= 0, martlet_pipe2(&ends, O_CLOEXEC) == 0 else {
            if descriptor >= 0 { Glibc.close(descriptor) }
            report(.warning, "no inotify: changes by other programs are seen when a mailbox is opened")
            return nil
        }
        self.inotify = descriptor
        self.stopPipe = (ends[0], ends[1])
        self.threads = threads
        self.report = report
        let stop = ends[0]
        do throws(StoreError) {
            try self.thread.start("file watch") { [weak self] in
                while FileWatcher.wait(descriptor, stop) { self?.look() }
            }
        } catch {
            report(.warning, "no inotify, \(error): changes by other programs are seen when a mailbox is opened")
            return nil
        }
    }

    deinit {
        Glibc.close(self.inotify)
        Glibc.close(self.stopPipe.read)
        Glibc.close(self.stopPipe.write)
    }

    func close() {
        self.state.withLock { $0.isClosed = true }
        _ = Glibc.write(self.stopPipe.write, "x", 1)
        self.thread.join()
    }

    /// The mailbox itself may be gone: its directory is removed, has another name, or is watched no more.
    private static let ends = UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

    /// What says that names come and go.
    private static let names = UInt32(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

    /// Watches a mailbox's directories, counting how often. To be called where its files may be read.
    ///
    /// - Parameter homes: the directories without which there is no mailbox.
    func watch(_ mailbox: MailboxState, _ directories: [String], homes: [String]) {
        let key = ObjectIdentifier(mailbox)
        self.state.withLock { state in
            guard !state.isClosed else { return }
            if state.watches[key] != nil {
                state.watches[key]?.count += 1
                return
            }
            state.watches[key] = Watch(count: 1, descriptors: [])
            for home in homes {
                self.add(home, Self.ends, Target(mailbox: mailbox, part: .home), key, &state)
            }
            for directory in directories {
                self.add(
                    directory, Self.names | Self.ends, Target(mailbox: mailbox, part: .messages), key, &state)
            }
        }
    }

    /// Watches the directories in which an account's mailboxes come and go, and no other ones any more.
    func watchList(_ account: StoreAccount, _ directories: [String]) {
        let key = ObjectIdentifier(account)
        self.state.withLock { state in
            guard !state.isClosed else { return }
            let known = Set(state.watches[key]?.descriptors ?? [])
            state.watches[key] = Watch(count: 1, descriptors: [])
            for directory in directories {
                self.add(
                    directory, Self.names | Self.ends, Target(account: account, part: .list), key, &state)
            }
            for descriptor in known.subtracting(state.watches[key]?.descriptors ?? []) {
                self.remove(descriptor, key, &state)
            }
            if directories.isEmpty { state.watches[key] = nil }
        }
    }

    private func add(
        _ directory: String, _ events: UInt32, _ target: Target, _ key: ObjectIdentifier, _ state: inout State
    ) {
        let flags = UInt32(IN_ONLYDIR) | UInt32(IN_MASK_ADD)
        let descriptor = inotify_add_watch(self.inotify, directory, events | flags)
        guard descriptor >= 0 else { return }
        state.targets[descriptor, default: [:]][key] = target
        state.watches[key]?.descriptors.append(descriptor)
    }

    private func remove(_ descriptor: CInt, _ key: ObjectIdentifier, _ state: inout State) {
        state.targets[descriptor]?[key] = nil
        guard state.targets[descriptor]?.isEmpty ?? false else { return }
        state.targets[descriptor] = nil
        _ = inotify_rm_watch(self.inotify, descriptor)
    }

    /// Ends one `watch`.
    func unwatch(_ mailbox: MailboxState) {
        let key = ObjectIdentifier(mailbox)
        self.state.withLock { state in
            guard var watch = state.watches[key] else { return }
            watch.count -= 1
            if watch.count > 0 {
                state.watches[key] = watch
                return
            }
            state.watches[key] = nil
            for descriptor in watch.descriptors { self.remove(descriptor, key, &state) }
        }
    }

    /// Waits for events; `false` when the watcher is closed.
    private static func wait(_ inotify: CInt, _ stop: CInt) -> Bool {
        var polled = [
            pollfd(fd: inotify, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let count = poll(&polled, 2, -1)
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            if polled[1].revents != 0 { return false }
            // More of the same is about to come; one look serves all.
            var stopOnly = [polled[1]]
            if poll(&stopOnly, 1, Self.quietTime) > 0 { return false }
            return true
        }
    }

    private func look() {
        /// Names that changed in each directory.
        var touched: [CInt: [[UInt8]]] = [:]
        /// Directories that are gone, and those in which a directory came or went.
        var ended: Set<CInt> = []
        var changed: Set<CInt> = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(self.inotify, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                // struct inotify_event: wd, mask, cookie, length of the name, name with NULs behind it.
                while offset + 16 <= count {
                    let descriptor = bytes.loadUnaligned(fromByteOffset: offset, as: CInt.self)
                    let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                    let mask = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                    if mask & Self.ends != 0 { ended.insert(descriptor) }
                    if mask & UInt32(IN_ISDIR) != 0 { changed.insert(descriptor) }
                    let end = min(count, offset + 16 + length)
                    touched[descriptor, default: []].append(
                        Array(bytes[offset + 16..<end].prefix { $0 != 0 }))
                    offset = end
                }
            }
        }
        // wd -1: events were lost, so look everywhere.
        let lost = touched[-1] != nil
        var mailboxes: [(MailboxState, [[UInt8]])] = []
        var gone: [MailboxState] = []
        var lists: [ObjectIdentifier: StoreAccount] = [:]
        self.state.withLock { state in
            for (descriptor, targets) in state.targets where lost || touched[descriptor] != nil {
                let isGone = ended.contains(descriptor)
                for target in targets.values {
                    switch target.part {
                    case .messages:
                        guard let mailbox = target.mailbox else { continue }
                        if isGone {
                            gone.append(mailbox)
                        } else {
                            mailboxes.append((mailbox, touched[descriptor] ?? []))
                        }
                    case .home:
                        if isGone || lost, let mailbox = target.mailbox { gone.append(mailbox) }
                    case .list:
                        guard isGone || lost || changed.contains(descriptor) else { continue }
                        if let account = target.account { lists[ObjectIdentifier(account)] = account }
                    }
                }
            }
        }
        for account in lists.values { account.refreshDirectorySoon() }
        for mailbox in gone { mailbox.core.volume.refreshDirectory(of: mailbox) }
        for (mailbox, names) in mailboxes {
            let depth: MailboxState.Depth = lost || mailbox.hasForeign(names) ? .always : .ifChanged
            self.threads.submit { [report] in
                do throws(StoreError) {
                    try mailbox.takeInExternalChanges(depth)
                } catch {
                    guard error.code != .notFound, error.code != .expunged else {
                        return mailbox.core.volume.refreshDirectory(of: mailbox)
                    }
                    report(
                        .warning, "\(mailbox.description): changes by other programs cannot be read: \(error)"
                    )
                }
            }
        }
    }
}
