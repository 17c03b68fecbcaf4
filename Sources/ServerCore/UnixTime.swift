import Glibc

/// Wall clock time with microseconds.
public struct UnixTime: Equatable, Sendable {
    /// Seconds since 1970.
    public let seconds: Int64
    public let microseconds: Int32

    public init(seconds: Int64, microseconds: Int32 = 0) {
        self.seconds = seconds
        self.microseconds = microseconds
    }

    public static func now() -> UnixTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixTime(seconds: Int64(time.tv_sec), microseconds: Int32(time.tv_nsec / 1000))
    }
}

/// Short texts that tell sessions apart in logs.
enum SessionID {
    private static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Time and number of the connection, in 16 letters.
    static func make(_ id: UInt64, _ time: UnixTime) -> String {
        // 52 bits of microseconds last until 2112; 44 bits of counter.
        let micro = UInt64(bitPattern: time.seconds &* 1_000_000 &+ Int64(time.microseconds))
        var letters: [UInt8] = []
        letters.reserveCapacity(16)
        for shift in stride(from: 48, through: 0, by: -6) {
            letters.append(Self.alphabet[Int((micro >> UInt64(shift)) & 63)])
        }
        for shift in stride(from: 36, through: 0, by: -6) {
            letters.append(Self.alphabet[Int((id >> UInt64(shift)) & 63)])
        }
        return String(decoding: letters, as: UTF8.self)
    }
}
