import Testing

/// Tests of what changes the umask for a moment, which all threads share: one after the other.
@Suite(.serialized) struct MaskTests {}
