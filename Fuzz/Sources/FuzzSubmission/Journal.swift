import Glibc
@testable import Submission

/// The journal of handovers: a file with any notes in it, then what the input says happens to some mails, with restarts
/// between. What became of each is always what a simple model says.
func fuzzJournal(_ input: FuzzInput) {
    var input = input
    let path = "/dev/shm/martlet-fuzz-journal-\(getpid())"
    put(notes(&input), path)
    defer { unlink(path) }
    var journal: HandoverJournal? = reopened(path)
    var model = [Mail](repeating: Mail(), count: 4)
    var steps = 0
    while !input.isEmpty, steps < 60 {
        steps += 1
        let index = input.number(below: model.count)
        let id = HandoverID(queue: 1, delivery: 2, number: UInt32(index))
        switch input.number(below: 6) {
        case 0, 1:
            same(journal?.begin(id), !model[index].isActive, "begin")
            model[index].isActive = true
        case 2:
            guard model[index].isActive else { continue }
            need(journal?.committing(id) == true)
            model[index].fate = .unknown
        case 3:
            let answer = (status: input.octet(), text: "said \(input.octet())")
            journal?.ended(id, answer)
            model[index].isActive = false
            guard model[index].fate != .notBegun else { continue }
            model[index].fate = .answered(status: answer.status, text: answer.text)
        case 4:
            journal?.ended(id, nil)
            model[index].isActive = false
        default:
            journal = nil
            journal = reopened(path)
            for place in model.indices { model[place].restart() }
        }
        check(journal, model)
    }
    journal = nil
    for place in model.indices { model[place].restart() }
    check(reopened(path), model)
}

private func reopened(_ path: String) -> HandoverJournal {
    let journal = HandoverJournal(path)
    need(journal.complaint == nil, journal.complaint ?? "")
    return journal
}

private struct Mail {
    var fate = HandoverFate.notBegun
    var isActive = false

    /// The text of an answer is not on the disk.
    mutating func restart() {
        self.isActive = false
        if case .answered(let status, _) = self.fate {
            self.fate = .answered(status: status, text: "the answer was heard before a restart")
        }
    }
}

private func check(_ journal: HandoverJournal?, _ model: [Mail]) {
    for (index, mail) in model.enumerated() {
        let id = HandoverID(queue: 1, delivery: 2, number: UInt32(index))
        same(journal?.fate(of: id), mail.isActive ? nil : mail.fate, "mail \(index)")
    }
}

/// The octets of a file: notes of other mails where the input wants them, and what it has instead of some.
private func notes(_ input: inout FuzzInput) -> [UInt8] {
    let size = HandoverJournal.slotSize
    var file = [UInt8](repeating: 0, count: HandoverJournal.slotCount * size)
    for _ in 0..<input.number(below: 6) {
        var slot = input.number(below: HandoverJournal.slotCount)
        let isSound = input.octet() & 1 == 0
        var note = Array(input.rest.prefix(isSound ? 44 : size))
        for _ in note { _ = input.octet() }
        note += [UInt8](repeating: 0, count: size - note.count)
        if isSound {
            note.replaceSubrange(0..<4, with: [0x4D, 0x48, 0x53, 0x31])
            // Where its turn (octets 8 to 15) wants it, mostly.
            if slot % 8 != 0 { slot = (Int(note[8]) | Int(note[9]) << 8) % HandoverJournal.slotCount }
            // Of another queue than the mails that the model knows.
            note[23] = 0xFF
            let basis: UInt64 = 0xCBF2_9CE4_8422_2325
            let sum = note[..<(size - 8)].reduce(basis) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            for place in 0..<8 { note[size - 8 + place] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * place)) }
        }
        file.replaceSubrange(slot * size..<(slot + 1) * size, with: note)
    }
    return Array(file.prefix(input.octet() == 0 ? input.number(below: file.count) : file.count))
}

private func put(_ octets: [UInt8], _ path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    need(descriptor >= 0 && write(descriptor, octets, octets.count) == octets.count, "write")
    close(descriptor)
}
