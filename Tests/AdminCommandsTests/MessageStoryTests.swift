import MailCore
import MailStore
import Testing

@testable import AdminCommands

/// A message followed through what happened in an account.
struct MessageStoryTests {
    private static func uids(_ numbers: [UInt32]) -> UIDSet { UIDSet(numbers.compactMap(UID.init(rawValue:))) }

    private static func place(_ mailbox: String, _ numbers: UInt32...) -> TraceEvent.Place {
        TraceEvent.Place(user: "anna", mailboxID: "id-" + mailbox, mailbox: mailbox, uids: self.uids(numbers))
    }

    private static func delivered(_ id: String, _ places: TraceEvent.Place...) -> TraceEvent.What {
        .delivered(
            DeliveryTrace(
                actor: TraceEvent.Actor(), sender: "", recipient: "anna", messageID: id, queueID: "Q" + id), places)
    }

    private static let all: [TraceEvent.What] = [
        Self.delivered("one", Self.place("INBOX", 1)),
        Self.delivered("two", Self.place("INBOX", 2), Self.place("Work", 1)),
        .appended(Self.place("Sent", 1), messageID: "three"),
        .flagged(Self.place("INBOX", 1, 2, 3), change: "+\\Seen"),
        .moved(Self.place("INBOX", 1, 2), to: Self.place("Archive", 7, 9)),
        .copied(Self.place("Archive", 9), to: Self.place("INBOX", 4)),
        // Another mailbox's 9.
        .expunged(Self.place("Work", 9)),
        .expunged(Self.place("Archive", 7, 9)),
        Self.delivered("two", Self.place("INBOX", 5)),
    ]

    private static func words(_ story: MessageStory) -> [String] {
        func words(_ place: TraceEvent.Place) -> String {
            "\(place.mailbox):" + place.uids.map { "\($0.rawValue)" }.joined(separator: ",")
        }
        return story.events.map { event in
            switch event.what {
            case .delivered(let delivery, let places):
                "delivered \(delivery.messageID) " + places.map(words).joined(separator: " ")
            case .appended(let place, let id): "appended \(id) \(words(place))"
            case .copied(let source, let target): "copied \(words(source)) \(words(target))"
            case .moved(let source, let target): "moved \(words(source)) \(words(target))"
            case .flagged(let place, let change): "flagged \(change) \(words(place))"
            case .expunged(let place): "expunged \(words(place))"
            }
        } + story.places.map { "in " + words($0) }
    }

    private static func story(_ beginning: MessageStory.Beginning) -> [String] {
        self.words(
            MessageStory(
                self.all.enumerated().map {
                    TraceEvent(time: Int64($0), user: "anna", actor: TraceEvent.Actor(), what: $1)
                }, beginning))
    }

    private static let two = [
        "delivered two INBOX:2 Work:1", "flagged +\\Seen INBOX:2", "moved INBOX:2 Archive:9",
        "copied Archive:9 INBOX:4", "expunged Archive:9",
    ]

    @Test func byIdentifier() {
        let again = "delivered two INBOX:5"
        #expect(Self.story(.identifier("two")) == Self.two + [again, "in INBOX:4,5", "in Work:1"])
        #expect(Self.story(.identifier("Qtwo")) == Self.story(.identifier("two")))
        #expect(
            Self.story(.identifier("one")) == [
                "delivered one INBOX:1", "flagged +\\Seen INBOX:1", "moved INBOX:1 Archive:7", "expunged Archive:7",
            ])
        #expect(Self.story(.identifier("three")) == ["appended three Sent:1", "in Sent:1"])
        #expect(Self.story(.identifier("four")).isEmpty)
    }

    /// From wherever the message is asked for, the story begins with its arrival.
    @Test(arguments: [("INBOX", 4), ("Archive", 9), ("INBOX", 2), ("Work", 1)] as [(String, UInt32)])
    func byPlace(_ mailbox: String, _ uid: UInt32) throws {
        let uid = try #require(UID(rawValue: uid))
        #expect(
            Self.story(.place(mailboxID: "id-" + mailbox, uid)) == Self.two + ["in INBOX:4", "in Work:1"])
    }

    /// Of what came before the trace begins, only the rest is told.
    @Test func withoutBeginning() throws {
        let uid = try #require(UID(rawValue: 3))
        #expect(
            Self.story(.place(mailboxID: "id-INBOX", uid)) == ["flagged +\\Seen INBOX:3", "in INBOX:3"])
    }
}
