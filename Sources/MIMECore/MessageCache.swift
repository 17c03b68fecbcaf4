/// The data of one message that is written at delivery and answers clients without its body.
public enum MessageCache {
    /// Reads a cache's octets in place.
    public struct View {}
}
