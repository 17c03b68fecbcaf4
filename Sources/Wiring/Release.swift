/// The release of this tree, as `martletd --version` and `martlet --version` tell it.
public enum Release {
    public static let version = "0.1"
}
