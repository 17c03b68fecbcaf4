import Glibc
import TemporaryFiles
import Testing

@testable import Submission

@Suite struct HandoverJournalTests {
    private func withFile(_ body: (String) throws -> Void) throws {
        try TemporaryDirectory.with { try body($0 + "/j") }
    }

    private func id(_ number: UInt32) -> HandoverID { HandoverID(queue: 7, delivery: 4711, number: number) }

    /// Each step, and what the next process knows when this one ends there.
    @Test func survivesTheProcess() throws {
        try self.withFile { path in
            do {
                let journal = HandoverJournal(path)
                #expect(journal.complaint == nil)
                for number in 0..<4 as Range<UInt32> {
                    #expect(journal.begin(self.id(number)))
                    #expect(!journal.begin(self.id(number)))
                    #expect(journal.fate(of: self.id(number)) == nil)
                }
                // 0: begun; 1: the MTA may have it; 2: it has it; 3: it failed, and then was tried again.
                #expect(journal.committing(self.id(1)))
                #expect(journal.committing(self.id(2)))
                journal.ended(self.id(2), (0, "ok"))
                #expect(journal.fate(of: self.id(2)) == .answered(status: 0, text: "ok"))
                #expect(journal.committing(self.id(3)))
                journal.ended(self.id(3), (75, "later"))
                #expect(journal.begin(self.id(3)))
                #expect(journal.committing(self.id(3)))
                // A second process must not write here too.
                #expect(HandoverJournal(path).complaint != nil)
            }
            let journal = HandoverJournal(path)
            #expect(journal.fate(of: self.id(0)) == .notBegun)
            #expect(journal.fate(of: self.id(1)) == .unknown)
            guard case .answered(0, _) = journal.fate(of: self.id(2)) else { return #expect(Bool(false)) }
            #expect(journal.fate(of: self.id(3)) == .unknown)
            #expect(journal.fate(of: HandoverID(queue: 8, delivery: 4711, number: 2)) == .notBegun)
        }
    }

    @Test func isBounded() throws {
        try self.withFile { path in
            let journal = HandoverJournal(path)
            let count = UInt32(HandoverJournal.slotCount)
            for number in 0..<(count + 10) {
                #expect(journal.begin(self.id(number)) && journal.committing(self.id(number)))
                journal.ended(self.id(number), (0, ""))
            }
            #expect(journal.fate(of: self.id(5)) == .notBegun)
            #expect(journal.fate(of: self.id(count + 9)) == .answered(status: 0, text: ""))
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_size <= HandoverJournal.slotCount * HandoverJournal.slotSize)
        }
    }

    /// A note that was torn is none; the others stay.
    @Test func damage() throws {
        try self.withFile { path in
            do {
                let journal = HandoverJournal(path)
                for number in 0..<2 as Range<UInt32> {
                    _ = journal.begin(self.id(number)) && journal.committing(self.id(number))
                }
            }
            let descriptor = open(path, O_RDWR)
            var octet: UInt8 = 0xEE
            pwrite(descriptor, &octet, 1, HandoverJournal.slotSize + 20)
            close(descriptor)
            let journal = HandoverJournal(path)
            #expect(journal.fate(of: self.id(0)) == .notBegun)
            #expect(journal.fate(of: self.id(1)) == .unknown)
        }
    }

    @Test func withoutAFile() {
        #expect(HandoverJournal("/nonexistent/directory/j").complaint != nil)
        let journal = HandoverJournal(nil)
        #expect(journal.complaint == nil)
        #expect(journal.begin(self.id(0)) && journal.committing(self.id(0)))
        journal.ended(self.id(0), nil)
        #expect(journal.fate(of: self.id(0)) == .unknown)
    }

    /// A note that says it is the last that there can be, or lies where it cannot, is damage.
    @Test(arguments: [(UInt64.max, 1023), (UInt64.max - 1, 1022), (7, 8)])
    func impossibleNoteIsNone(_ turn: UInt64, _ slot: Int) throws {
        try self.withFile { path in
            var note: [UInt8] = [0x4D, 0x48, 0x53, 0x31, 2, 0, 0, 0]
            for number in [turn, 7, 4711] {
                for place in 0..<8 { note.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * place))) }
            }
            note += [UInt8](repeating: 0, count: HandoverJournal.slotSize - 8 - note.count)
            let sum = note.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            for place in 0..<8 { note.append(UInt8(truncatingIfNeeded: sum >> UInt64(8 * place))) }
            let file = open(path, O_WRONLY | O_CREAT, 0o600)
            #expect(pwrite(file, note, note.count, slot * HandoverJournal.slotSize) == note.count)
            close(file)
            do {
                let journal = HandoverJournal(path)
                #expect(journal.fate(of: self.id(0)) == .notBegun)
                for number in 0..<3 as Range<UInt32> {
                    #expect(journal.begin(self.id(number)))
                    #expect(journal.committing(self.id(number)))
                }
            }
            let journal = HandoverJournal(path)
            for number in 0..<3 as Range<UInt32> { #expect(journal.fate(of: self.id(number)) == .unknown) }
        }
    }
}
