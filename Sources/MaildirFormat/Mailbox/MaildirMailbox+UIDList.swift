import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

/// What must be known of `dovecot-uidlist` to append to it without reading it.
struct UIDListTail: Sendable {
    var identity: FileIdentity
    var uidValidity: UInt32
    /// The highest UID with a row, 0 when there is none.
    var lastUID: UInt32
}

extension MaildirMailbox {
    func record(_ rows: [UIDListRow], header: MailboxHeader) throws(StoreError) {
        try self.state.withLock { (state) throws(StoreError) in
            let directory = try self.textDirectory()
            try DotLock.hold("dovecot-uidlist", in: directory, self.options) { () throws(StoreError) in
                if !rows.isEmpty, let tail = try self.tail(&state, directory),
                    tail.uidValidity == header.uidValidity.rawValue,
                    try self.append(rows, after: tail, &state, directory)
                {
                    return
                }
                try self.merge(rows, header, &state, directory)
            }
        }
    }

    /// Makes the file carry this header; a file with rows of another UIDVALIDITY is left alone and refused.
    func adopt(_ header: MailboxHeader) throws(StoreError) {
        try self.state.withLock { (state) throws(StoreError) in
            let directory = try self.textDirectory()
            try DotLock.hold("dovecot-uidlist", in: directory, self.options) { () throws(StoreError) in
                if let content = try FileContent.read(Self.uidListPath, in: directory, limit: FileContent.uidListLimit)
                {
                    let list = UIDListFile(content.bytes)
                    if list.uidValidity == header.uidValidity.rawValue, !list.needsRewrite { return }
                    // No UIDVALIDITY at all: the rows wait for one.
                    let isFree = list.uidValidity == 0 || list.rows.isEmpty
                    guard list.uidValidity == header.uidValidity.rawValue || isFree else {
                        throw StoreError(
                            .alreadyExists, "\(self.pathText) has messages of another UIDVALIDITY")
                    }
                }
                try self.merge([], header, &state, directory)
            }
        }
    }

    /// The UIDVALIDITY in the file, without reading its rows.
    func headerOnDisk() -> UInt32? {
        guard let directory = try? self.textDirectory() else { return nil }
        let descriptor = directory.open(Self.uidListPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let start = try? FileContent.read(descriptor, count: 512, Self.uidListPath) else { return nil }
        let validity = UIDListFile(Array(start.prefix { $0 != 0x0A })).uidValidity
        return validity == 0 ? nil : validity
    }

    /// The open directory, or the one that has its name by now.
    func currentDirectory() throws(StoreError) -> DirectoryHandle {
        let held = try self.directory()
        return self.reopenedDirectory(after: held) ?? held
    }

    // MARK: Appending

    /// What is at the end of the file; `nil` when it must be read as a whole.
    private func tail(_ state: inout State, _ directory: DirectoryHandle) throws(StoreError) -> UIDListTail? {
        guard let status = directory.status(Self.uidListPath) else {
            state.uidList = nil
            return nil
        }
        if let known = state.uidList, known.identity == FileIdentity(status) { return known }
        state.uidList = try self.readTail(directory)
        return state.uidList
    }

    /// Reads the header and the last rows alone. Whether the rows between ascend is not looked at: the scan does.
    private func readTail(_ directory: DirectoryHandle) throws(StoreError) -> UIDListTail? {
        let descriptor = directory.open(Self.uidListPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let size = Int(status.st_size)
        let window = 8_192
        let start = try FileContent.read(descriptor, count: min(size, window), Self.uidListPath)
        guard let headerEnd = start.firstIndex(of: 0x0A) else { return nil }
        var text = start
        if size > window {
            // The header line, and the whole rows of the file's end.
            guard lseek(descriptor, off_t(size - window), SEEK_SET) >= 0 else { return nil }
            let end = try FileContent.read(descriptor, count: window, Self.uidListPath)
            guard let cut = end.firstIndex(of: 0x0A) else { return nil }
            text = Array(start[...headerEnd]) + end[(cut + 1)...]
        }
        let list = UIDListFile(text)
        guard !list.needsRewrite else { return nil }
        return UIDListTail(
            identity: FileIdentity(status), uidValidity: list.uidValidity, lastUID: list.rows.last?.uid ?? 0)
    }

    /// Appends rows with one write; `false` when they do not all come after the last one.
    private func append(
        _ rows: [UIDListRow], after tail: UIDListTail, _ state: inout State,
        _ directory: DirectoryHandle
    ) throws(StoreError) -> Bool {
        var out: [UInt8] = []
        out.reserveCapacity(rows.count * 80)
        var last = tail.lastUID
        for row in rows {
            guard row.uid.rawValue > last else { return false }
            last = row.uid.rawValue
            UIDListFile.append(last, Self.extras(row)[...], try self.base(row.location), to: &out)
        }
        let descriptor = directory.open(Self.uidListPath, O_WRONLY | O_APPEND | O_NOFOLLOW)
        if descriptor == -ENOENT { return false }
        guard descriptor >= 0 else { throw StoreError.system("open dovecot-uidlist", descriptor) }
        defer { close(descriptor) }
        state.uidList = nil
        let written = out.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == out.count else {
            let error =
                written < 0
                ? StoreError.fromErrno("append to dovecot-uidlist") : StoreError(.diskFull, "dovecot-uidlist")
            // A half row would make the next one unreadable.
            if written > 0 { ftruncate(descriptor, off_t(tail.identity.size)) }
            throw error
        }
        var status = stat()
        if fstat(descriptor, &status) == 0 {
            state.uidList = UIDListTail(
                identity: FileIdentity(status), uidValidity: tail.uidValidity, lastUID: last)
        }
        return true
    }

    // MARK: Rewriting

    /// Reads the whole file, adds what is new and writes it again where anything changed. Under the lock.
    private func merge(
        _ rows: [UIDListRow], _ header: MailboxHeader, _ state: inout State,
        _ directory: DirectoryHandle
    ) throws(StoreError) {
        let content = try FileContent.read(Self.uidListPath, in: directory, limit: FileContent.uidListLimit)
        var list = content.map { UIDListFile($0.bytes) } ?? UIDListFile()
        var changed = content == nil || list.needsRewrite
        if list.uidValidity != header.uidValidity.rawValue {
            // UIDs of another UIDVALIDITY mean nothing. With none in the file, they are the index's as well.
            if list.uidValidity != 0 { list.filter { _ in false } }
            list.uidValidity = header.uidValidity.rawValue
            list.next = 0
            changed = true
        }
        if list.guid != header.guid {
            list.guid = header.guid
            changed = true
        }
        if header.uidNext.rawValue > list.realNext {
            list.next = header.uidNext.rawValue
            changed = true
        }
        var added: [(uid: UInt32, extras: [UInt8], name: [UInt8])] = []
        let known = list
        for row in rows {
            let name = try self.base(row.location)
            let present = known.row(row.uid.rawValue).map { known.text[$0.name].elementsEqual(name) } ?? false
            if !present { added.append((row.uid.rawValue, Self.extras(row), name)) }
        }
        if !added.isEmpty {
            // The index says which UID a file has: a row that says something else gives way, and its number is not
            // given again.
            list.next = known.realNext
            let names = Set(added.map(\.name))
            list.filter { !names.contains(Array(known.text[$0.name])) }
            list.add(added)
            changed = true
        }
        if changed { try self.rewrite(list, &state, directory) }
    }

    /// `G` with the GUID of a message whose name is not it.
    private static func extras(_ row: UIDListRow) -> [UInt8] {
        // A blank, as another program's name may have, would end the value.
        guard let guid = row.guid, !guid.isEmpty, guid.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return [] }
        return [UInt8(ascii: "G")] + Array(guid.utf8)
    }

    /// Replaces the file. Under the lock.
    func rewrite(_ list: UIDListFile, _ state: inout State, _ directory: DirectoryHandle) throws(StoreError) {
        let temporary = RelativePath("dovecot-uidlist.tmp")
        state.uidList = nil
        // Whoever holds the lock owns the temporary file; one that lies there is a dead process's.
        _ = directory.unlink(temporary)
        let mode = self.fileMode()
        let descriptor = directory.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        guard descriptor >= 0 else { throw StoreError.system("create dovecot-uidlist.tmp", descriptor) }
        defer { close(descriptor) }
        do throws(StoreError) {
            if mode != 0o600 { fchmod(descriptor, mode) }
            try FileContent.write(list.encoded(), to: descriptor, temporary)
            if self.options.syncTextFiles, fdatasync(descriptor) != 0 {
                throw StoreError.fromErrno("sync dovecot-uidlist.tmp")
            }
            let renamed = directory.rename(temporary, Self.uidListPath)
            guard renamed == 0 else { throw StoreError.system("rename dovecot-uidlist.tmp", renamed) }
        } catch {
            _ = directory.unlink(temporary)
            throw error
        }
        var status = stat()
        if fstat(descriptor, &status) == 0 {
            state.uidList = UIDListTail(
                identity: FileIdentity(status), uidValidity: list.uidValidity,
                lastUID: list.rows.last?.uid ?? 0)
        }
    }
}
