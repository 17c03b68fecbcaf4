internal import Glibc
internal import MailStore
internal import Synchronization

/// Watches the directories of open mailboxes and takes in what other programs change in them.
///
/// Our own changes cause events, too; they are known by their names and cost a look at the fingerprint.
final class FileWatcher: Sendable {
    private struct State {
        var mailboxes: [CInt: Watched] = [:]
        var watches: [ObjectIdentifier: Watch] = [:]
        var isClosed = false
    }

    private struct Watch {
        var count: Int
        var descriptors: [CInt]
    }

    private struct Watched {
        weak var state: MailboxState?
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
        guard descriptor >= 0, pipe(&ends) == 0 else {
            if descriptor >= 0 { Glibc.close(descriptor) }
            report(.warning, "no inotify: changes by other programs are seen when a mailbox is opened")
            return nil
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.inotify = descriptor
        self.stopPipe = (ends[0], ends[1])
        self.threads = threads
        self.report = report
        let stop = ends[0]
        do throws(StoreError) {
            try self.thread.start { [weak self] in
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

    /// Watches a mailbox's directories, counting how often. To be called where its files may be read.
    ///
    /// - Parameter home: the directory without which there is no mailbox.
    func watch(_ mailbox: MailboxState, _ directories: [String], home: String?) {
        let events = UInt32(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) | Self.ends
        self.state.withLock { state in
            guard !state.isClosed else { return }
            let known = state.watches[ObjectIdentifier(mailbox)]
            if let known {
                state.watches[ObjectIdentifier(mailbox)]?.count = known.count + 1
                return
            }
            var descriptors: [CInt] = []
            let homes = home.map { [($0, Self.ends)] } ?? []
            for (directory, events) in directories.map({ ($0, events) }) + homes {
                let descriptor = inotify_add_watch(self.inotify, directory, events)
                guard descriptor >= 0 else { continue }
                descriptors.append(descriptor)
                state.mailboxes[descriptor] = Watched(state: mailbox)
            }
            state.watches[ObjectIdentifier(mailbox)] = Watch(count: 1, descriptors: descriptors)
        }
    }

    /// Ends one `watch`.
    func unwatch(_ mailbox: MailboxState) {
        self.state.withLock { state in
            guard var watch = state.watches[ObjectIdentifier(mailbox)] else { return }
            watch.count -= 1
            if watch.count > 0 {
                state.watches[ObjectIdentifier(mailbox)] = watch
                return
            }
            state.watches[ObjectIdentifier(mailbox)] = nil
            for descriptor in watch.descriptors {
                state.mailboxes[descriptor] = nil
                _ = inotify_rm_watch(self.inotify, descriptor)
            }
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
        var ended: Set<CInt> = []
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
                    let end = min(count, offset + 16 + length)
                    touched[descriptor, default: []].append(
                        Array(bytes[offset + 16..<end].prefix { $0 != 0 }))
                    offset = end
                }
            }
        }
        // wd -1: events were lost, so look everywhere.
        let lost = touched[-1] != nil
        let (mailboxes, gone) = self.state.withLock { state -> ([(MailboxState, [[UInt8]])], [MailboxState]) in
            var mailboxes: [(MailboxState, [[UInt8]])] = []
            var gone: [MailboxState] = []
            for (descriptor, watched) in state.mailboxes {
                guard let mailbox = watched.state, lost || touched[descriptor] != nil else { continue }
                if ended.contains(descriptor) {
                    gone.append(mailbox)
                } else {
                    mailboxes.append((mailbox, touched[descriptor] ?? []))
                }
            }
            return (mailboxes, gone)
        }
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
