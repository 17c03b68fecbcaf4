import Glibc
import MailCore
import Synchronization

/// What the submit role remembers of mails that it gave to the MTA, so that who handed one over and did not live to
/// hear the answer learns it, and nothing is sent twice.
///
/// A mail is noted, on the disk, before the MTA can take it, and again with the MTA's answer. What has the first note and
/// not the second may be with the MTA. A file of fixed size: the oldest notes make room for new ones. Nobody asks for
/// more than the few that are handed over at a time.
public final class HandoverJournal: Sendable {
    private struct Slot {
        var id: HandoverID
        /// Ascending from 1.
        var turn: UInt64
        /// `nil`: no answer yet.
        var status: UInt8?
    }

    private struct State {
        var slots: [Slot?]
        /// What this process works on.
        var active: Set<HandoverID> = []
        /// What was said, of those that are remembered; lost with the process.
        var texts: [HandoverID: String] = [:]
        var lastTurn: UInt64 = 0
    }

    private let state: Mutex<State>
    /// -1: nothing is on the disk.
    private let descriptor: CInt

    /// Notes, and octets of each: they lie within a sector.
    static let slotCount = 1024
    static let slotSize = 64
    /// More than any count reaches: a note with such a turn is damaged.
    private static let turnBound: UInt64 = 1 << 62
    private static let magic: UInt32 = 0x3153_484D  // "MHS1"

    /// Why there is nothing on the disk; `nil` when all is well.
    public let complaint: String?

    /// - Parameter path: a file, made when it is missing; `nil`: what is remembered ends with the process.
    public init(_ path: String?) {
        var slots = [Slot?](repeating: nil, count: Self.slotCount)
        var complaint: String?
        var descriptor: CInt = -1
        if let path {
            descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if descriptor < 0 {
                complaint = "\(path): \(String(cString: strerror(errno)))"
            } else if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                complaint = "\(path) is in use by another process"
                close(descriptor)
                descriptor = -1
            } else {
                slots = Self.load(descriptor)
            }
        }
        self.descriptor = descriptor
        self.complaint = complaint
        var state = State(slots: slots)
        state.lastTurn = slots.reduce(0) { max($0, $1?.turn ?? 0) }
        self.state = Mutex(state)
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    // MARK: Handing over

    /// Says that this process has the mail in hand. `false` when it already has.
    func begin(_ id: HandoverID) -> Bool { self.state.withLock { $0.active.insert(id).inserted } }

    /// From now on the MTA may take the mail. Durable when it returns; `false` when it cannot be noted: then the mail
    /// must not be given away.
    func committing(_ id: HandoverID) -> Bool {
        self.state.withLock { state in
            state.lastTurn += 1
            let slot = Slot(id: id, turn: state.lastTurn)
            let index = Int(state.lastTurn % UInt64(Self.slotCount))
            if let old = state.slots[index] { state.texts[old.id] = nil }
            // An earlier attempt's answer is no answer to this one.
            for other in state.slots.indices where state.slots[other]?.id == id {
                state.slots[other] = nil
                _ = self.write(nil, at: other)
            }
            state.slots[index] = slot
            return self.write(slot, at: index)
        }
    }

    /// The MTA has answered, or was not given the mail after all (`nil`: it may have taken it, and nobody knows).
    func ended(_ id: HandoverID, _ answer: (status: UInt8, text: String)?) {
        self.state.withLock { state in
            state.active.remove(id)
            guard let answer, let index = state.slots.firstIndex(where: { $0?.id == id }) else { return }
            state.slots[index]?.status = answer.status
            state.texts[id] = answer.text
            // Where that fails, it stays in doubt for the next process.
            _ = self.write(state.slots[index], at: index)
        }
    }

    // MARK: Asking

    /// What became of a mail; `nil` while it is in hand.
    func fate(of id: HandoverID) -> HandoverFate? {
        self.state.withLock { state in
            guard !state.active.contains(id) else { return nil }
            guard let found = state.slots.first(where: { $0?.id == id }), let slot = found else { return .notBegun }
            guard let status = slot.status else { return .unknown }
            return .answered(status: status, text: state.texts[id] ?? "the answer was heard before a restart")
        }
    }

    // MARK: Octets

    private static func load(_ descriptor: CInt) -> [Slot?] {
        var octets = [UInt8](repeating: 0, count: Self.slotCount * Self.slotSize)
        var position = 0
        while position < octets.count {
            let count = octets.withUnsafeMutableBytes { space in
                pread(descriptor, space.baseAddress.map { $0 + position }, space.count - position, position)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            position += count
        }
        return octets.withUnsafeBytes { bytes in
            (0..<Self.slotCount).map { index in
                let place = index * Self.slotSize..<(index + 1) * Self.slotSize
                guard let slot = Self.decode(UnsafeRawBufferPointer(rebasing: bytes[place])),
                    slot.turn % UInt64(Self.slotCount) == UInt64(index)
                else { return nil }
                return slot
            }
        }
    }

    private func write(_ slot: Slot?, at index: Int) -> Bool {
        guard self.descriptor >= 0 else { return true }
        let octets = slot.map(Self.encode) ?? [UInt8](repeating: 0, count: Self.slotSize)
        let count = octets.withUnsafeBytes {
            pwrite(self.descriptor, $0.baseAddress, $0.count, index * Self.slotSize)
        }
        return count == octets.count && fdatasync(self.descriptor) == 0
    }

    private static func encode(_ slot: Slot) -> [UInt8] {
        var out: [UInt8] = []
        out.appendLittleEndian(Self.magic)
        out.append(slot.status == nil ? 1 : 2)
        out.append(slot.status ?? 0)
        out.append(contentsOf: [0, 0])
        out.appendLittleEndian(slot.turn)
        out.appendLittleEndian(slot.id.queue)
        out.appendLittleEndian(slot.id.delivery)
        out.appendLittleEndian(slot.id.number)
        out.append(contentsOf: repeatElement(0, count: Self.slotSize - 8 - out.count))
        out.appendLittleEndian(Self.sum(out))
        return out
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer) -> Slot? {
        var reader = ByteReader(bytes)
        guard reader.readLittleEndian(UInt32.self) == Self.magic, let kind = reader.readLittleEndian(UInt8.self),
            let status = reader.readLittleEndian(UInt8.self), reader.readBytes(2) != nil,
            let turn = reader.readLittleEndian(UInt64.self), let queue = reader.readLittleEndian(UInt64.self),
            let delivery = reader.readLittleEndian(UInt64.self), let number = reader.readLittleEndian(UInt32.self),
            bytes.count == Self.slotSize
        else { return nil }
        let sum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: Self.slotSize - 8, as: UInt64.self))
        guard sum == Self.sum(bytes.prefix(Self.slotSize - 8)), turn < Self.turnBound else { return nil }
        return Slot(
            id: HandoverID(queue: queue, delivery: delivery, number: number), turn: turn,
            status: kind == 2 ? status : nil)
    }

    /// FNV-1a: against torn writes, not against anybody.
    private static func sum(_ octets: some Sequence<UInt8>) -> UInt64 {
        octets.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
