extension SieveRegistry {
    private static let eventCapabilities: Set<String> = ["imapsieve", "vnd.dovecot.imapsieve"]
    /// What answers the sender of mail that is being delivered (RFC 6785 section 3.11).
    private static let answers: Set<String> = ["reject", "ereject", "vacation", "vacation-seconds"]

    /// The same language with what scripts may ask of IMAP events.
    public var knowingEvents: SieveRegistry {
        SieveRegistry.of(Set(self.capabilities).union(Self.eventCapabilities))
    }

    /// The same language without that.
    public var notKnowingEvents: SieveRegistry {
        SieveRegistry.of(Set(self.capabilities).subtracting(Self.eventCapabilities))
    }

    /// The language of scripts that IMAP events run (RFC 6785).
    public var forEvents: SieveRegistry {
        SieveRegistry.of(Set(self.capabilities).union(Self.eventCapabilities).subtracting(Self.answers))
    }
}
