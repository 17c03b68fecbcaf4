import MailCore
import Testing

@Suite struct UIDSetTests {
    @Test func intersectsUnitesAndSubtracts() {
        var seed: UInt64 = 7
        func random(_ bound: UInt32) -> UInt32 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: seed >> 33) % bound
        }
        func pair() -> (Set<UInt32>, UIDSet) {
            var model: Set<UInt32> = []
            var set = UIDSet()
            for _ in 0..<random(8) {
                let lower = random(40) + 1
                let upper = lower + random(9)
                guard let low = UID(rawValue: lower), let high = UID(rawValue: upper) else { continue }
                set.insert(low...high)
                model.formUnion(lower...upper)
            }
            return (model, set)
        }
        for _ in 0..<500 {
            let (a, first) = pair()
            let (b, second) = pair()
            #expect(first.intersection(second).map(\.rawValue) == a.intersection(b).sorted())
            #expect(first.subtracting(second).map(\.rawValue) == a.subtracting(b).sorted())
            let united = first.union(second)
            #expect(united.map(\.rawValue) == a.union(b).sorted())
            // The same set in the same form, however it was made.
            #expect(united == UIDSet(a.union(b).sorted().compactMap { UID(rawValue: $0) }))
        }
        let all = UIDSet(UID.first...UID(nonZero: .max))
        #expect(all.subtracting(all).isEmpty)
        #expect(all.intersection(all) == all)
        #expect(all.union(all) == all)
        #expect(all.union([]) == all)
        #expect(UIDSet().union(all) == all)
    }

    /// Against a plain set, with a fixed pseudo-random sequence.
    @Test func behavesLikeASet() {
        var seed: UInt64 = 42
        func random(_ bound: UInt32) -> UInt32 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: seed >> 33) % bound
        }
        for _ in 0..<200 {
            var model: Set<UInt32> = []
            var set = UIDSet()
            for _ in 0..<20 {
                let lower = random(50) + 1
                let upper = lower + random(6)
                guard let low = UID(rawValue: lower), let high = UID(rawValue: upper) else { continue }
                set.insert(low...high)
                model.formUnion(lower...upper)
            }
            #expect(set.map(\.rawValue) == model.sorted())
            #expect(set.count == model.count)
            for value: UInt32 in 1...60 {
                guard let uid = UID(rawValue: value) else { continue }
                #expect(set.contains(uid) == model.contains(value))
            }
        }
    }

    @Test func wireForm() {
        var out: [UInt8] = []
        var set: UIDSet = [UID(nonZero: 1), UID(nonZero: 2), UID(nonZero: 3), UID(nonZero: 7)]
        set.insert(UID(nonZero: .max))
        set.encode(into: &out)
        #expect(String(decoding: out, as: UTF8.self) == "1:3,7,4294967295")
        #expect(Array(set).last == UID(nonZero: .max))
    }
}
