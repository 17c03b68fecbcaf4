/// What a script and one run of it may take. The defaults are those that Pigeonhole's users know.
public struct SieveLimits: Sendable, Equatable {
    /// The largest script in octets; 0: no limit.
    public var scriptSize = 1 << 20
    /// The longest string in octets, also one that a run makes.
    public var stringSize = 1 << 20
    /// Variables of one script, and shared ones.
    public var variables = 255
    /// The longest value of a variable in octets; longer ones are cut (RFC 5229 section 6).
    public var variableSize = 4096
    /// Blocks inside blocks. RFC 5228 section 2.10.7 asks for 15 at least.
    public var blockNesting = 32
    /// Tests inside tests. RFC 5228 section 2.10.7 asks for 15 at least.
    public var testNesting = 32
    /// Scripts that include scripts.
    public var includeNesting = 10
    /// Scripts that one script includes, directly or not.
    public var includes = 255
    /// Errors shown of one script.
    public var errors = 10
    /// Actions of one run; 0: no limit.
    public var actions = 32
    /// Redirects of one run; 0: redirect is forbidden.
    public var redirects = 4
    /// Work of one run: instructions, and octets looked at; see `cpuTime`.
    public var steps = 30 * SieveLimits.stepsPerSecond
    /// The largest value of a header field that a script adds, in octets; 1024 at least.
    public var addedField = 2048
    /// Header fields of a message that are looked at.
    public var headerFields = 20_000
    /// Octets of one header field that are looked at.
    public var fieldSize = 256 << 10

    public init() {}

    /// Counting work and not time makes a run come to the same whatever machine it is on. A slow machine does as much
    /// in a second.
    public static let stepsPerSecond = 20_000_000

    /// `steps` in seconds; 0: no limit.
    public var cpuTime: Int64 {
        get { self.steps == .max ? 0 : Int64(self.steps / Self.stepsPerSecond) }
        set {
            let (steps, overflow) = Int(clamping: newValue).multipliedReportingOverflow(by: Self.stepsPerSecond)
            self.steps = newValue <= 0 || overflow ? .max : steps
        }
    }
}
