/// Something that a run did, for a person who wants to know why.
public struct SieveTrace: Sendable {
    /// What a test looked at.
    public struct Comparison: Sendable {
        /// What it found in the message or elsewhere.
        public var values: [[UInt8]]
        /// What the script asks for.
        public var keys: [[UInt8]]
    }

    public enum Event: Sendable {
        case test([Comparison], result: Bool)
        case action(SieveAction.Kind)
    }

    public var script: String
    public var position: SievePosition
    public var event: Event
}
