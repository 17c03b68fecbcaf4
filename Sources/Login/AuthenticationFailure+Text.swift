public import Authentication

extension AuthenticationFailure {
    /// What a client is told in words, where the protocol has no code for it.
    public var text: String {
        switch self.code {
        case .credentials, .authorization: self.message ?? "Authentication failed."
        case .userDisabled: self.message ?? "Account is disabled."
        case .passwordExpired: self.message ?? "Password has expired."
        case .malformedResponse: "Invalid base64 data or malformed response."
        case .unknownMechanism: "Unsupported authentication mechanism."
        case .cancelled: "Authentication aborted by client."
        case .temporary: "Temporary authentication failure."
        }
    }
}
