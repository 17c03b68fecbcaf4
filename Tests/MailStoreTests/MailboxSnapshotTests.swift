import MailCore
import MailStore
import Testing

/// Snapshots against a plain array, with fixed pseudo-random sequences of changes.
@Suite struct MailboxSnapshotTests {
    struct Random {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((self.state >> 33) % UInt64(bound))
        }
    }

    static func empty() throws -> MailboxSnapshot {
        MailboxSnapshot(uidValidity: try #require(UIDValidity(rawValue: 1)))
    }

    static func record(_ uid: UInt32, modSeq: UInt64 = 1) -> MessageRecord {
        MessageRecord(
            uid: UID(nonZero: uid), flags: [], keywords: .empty, modSeq: ModSeq(rawValue: modSeq),
            internalDate: 0, size: 1)
    }

    static func all(_ snapshot: MailboxSnapshot) -> [MessageRecord] {
        var records: [MessageRecord] = []
        snapshot.forEach { _, record in
            records.append(record)
            return true
        }
        return records
    }

    @Test(arguments: 1...8)
    func behavesLikeAnArray(_ seed: Int) throws {
        var random = Random(state: UInt64(seed))
        var snapshot = try Self.empty()
        var model: [MessageRecord] = []
        var nextUID: UInt32 = 1
        var modSeq: UInt64 = 1
        for _ in 0..<60 {
            modSeq += 1
            let before = snapshot
            let modelBefore = model
            switch random.next(4) {
            case 0:
                for _ in 0...random.next(3) {
                    snapshot.append(Self.record(nextUID, modSeq: modSeq))
                    model.append(Self.record(nextUID, modSeq: modSeq))
                    nextUID += UInt32(1 + random.next(3))
                }
            case 1:
                var many: [MessageRecord] = []
                for _ in 0..<random.next(1500) {
                    many.append(Self.record(nextUID, modSeq: modSeq))
                    nextUID += UInt32(1 + random.next(2))
                }
                snapshot.append(contentsOf: many)
                model += many
            case 2:
                var gone = UIDSet()
                switch random.next(3) {
                case 0: for record in model where random.next(3) == 0 { gone.insert(record.uid) }
                case 1:
                    // Whole chunks go.
                    let start = random.next(model.count + 1)
                    for record in model[start...].prefix(random.next(1200)) { gone.insert(record.uid) }
                default: for record in model where random.next(700) == 0 { gone.insert(record.uid) }
                }
                #expect(snapshot.remove(gone) == gone.count)
                model.removeAll { gone.contains($0.uid) }
            default:
                var changed: [MessageRecord] = []
                for index in model.indices where random.next(5) == 0 {
                    model[index].flags.formSymmetricDifference(.seen)
                    model[index].modSeq = ModSeq(rawValue: modSeq)
                    changed.append(model[index])
                }
                snapshot.update(changed)
            }
            #expect(Self.all(snapshot) == model)
            #expect(snapshot.count == model.count)
            for _ in 0..<5 where !model.isEmpty {
                let index = random.next(model.count)
                #expect(snapshot[index] == model[index])
                #expect(snapshot.index(of: model[index].uid) == index)
            }
            let probe = UID(nonZero: UInt32(1 + random.next(Int(nextUID))))
            #expect(
                snapshot.firstIndex(atOrAfter: probe)
                    == model.firstIndex { $0.uid >= probe } ?? model.count)
            // The old value is not touched, and the difference is what happened.
            #expect(Self.all(before) == modelBefore)
            let changes = MailboxChanges(from: before, to: snapshot)
            let newUIDs = Set(model.map(\.uid))
            let oldByUID = Dictionary(uniqueKeysWithValues: modelBefore.map { ($0.uid, $0) })
            #expect(
                changes.expunged.map(\.index)
                    == modelBefore.indices.filter { !newUIDs.contains(modelBefore[$0].uid) })
            let changedIndices = model.indices.filter { index in
                guard let old = oldByUID[model[index].uid] else { return false }
                return old != model[index]
            }
            #expect(changes.updated == changedIndices)
            #expect(changes.appended == model.filter { oldByUID[$0.uid] == nil }.count)
        }
    }

    @Test func keywordSets() throws {
        var table = KeywordTable()
        var keywords: [Keyword] = []
        for name in ["a", "b", "A"] { keywords.append(try #require(Keyword(name))) }
        let numbers = keywords.map { table.add($0) }
        #expect(numbers == [0, 1, 0])
        let both = table.set(of: [1, 0, 1])
        let same = table.set(of: [0, 1])
        #expect(both == same)
        #expect(table.numbers(in: both) == [0, 1])
        let none = table.set(of: [])
        #expect(none == .empty)
        #expect(table.numbers(in: KeywordTable.SetID(rawValue: 99)) == [])
        for number in 2..<KeywordTable.maximumKeywords {
            let added = Keyword("k\(number)").flatMap { table.add($0) }
            #expect(added != nil)
        }
        let refused = Keyword("one-too-many").flatMap { table.add($0) }
        #expect(refused == nil)
    }
}
