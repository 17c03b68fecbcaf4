import CPAM
import Glibc

/// One conversation with PAM. Blocks for as long as its modules like, so only in a worker process.
enum PAMLogin {
    /// What the conversation answers; lives on the stack of `run` while PAM may call back.
    private final class Conversation {
        let user: String
        let password: [UInt8]

        init(user: String, password: [UInt8]) {
            self.user = user
            self.password = password
        }
    }

    static func run(service: String, user: String, remoteAddress: String?, password: [UInt8]) -> PAMAnswer {
        guard !password.contains(0), !user.utf8.contains(0) else { return .refused(.credentials, "NUL") }
        let conversation = Conversation(user: user, password: password)
        let context = Unmanaged.passUnretained(conversation)
        var callbacks = pam_conv(conv: PAMLogin.answer, appdata_ptr: context.toOpaque())
        var handle: OpaquePointer?
        return withExtendedLifetime(conversation) {
            let started = pam_start(service, user, &callbacks, &handle)
            guard started == PAM_SUCCESS, let handle else {
                return .refused(.temporary, "pam_start failed with \(started)")
            }
            var result = PAM_SUCCESS
            defer { pam_end(handle, result) }
            if let remoteAddress {
                _ = remoteAddress.withCString { pam_set_item(handle, PAM_RHOST, $0) }
            }
            // Failures are delayed by the service, without keeping this worker.
            let noDelay: @convention(c) (CInt, CUnsignedInt, UnsafeMutableRawPointer?) -> Void = { _, _, _ in
            }
            _ = pam_set_item(handle, PAM_FAIL_DELAY, unsafeBitCast(noDelay, to: UnsafeRawPointer.self))
            result = pam_authenticate(handle, CInt(bitPattern: UInt32(PAM_SILENT)))
            if result != PAM_SUCCESS { return Self.refusal(result, handle, "authenticate") }
            result = pam_acct_mgmt(handle, CInt(bitPattern: UInt32(PAM_SILENT)))
            if result != PAM_SUCCESS { return Self.refusal(result, handle, "account") }
            var item: UnsafeRawPointer?
            guard pam_get_item(handle, PAM_USER, &item) == PAM_SUCCESS, let item else {
                return .accepted(user: user)
            }
            return .accepted(user: String(cString: item.assumingMemoryBound(to: CChar.self)))
        }
    }

    private static func refusal(_ result: CInt, _ handle: OpaquePointer, _ step: String) -> PAMAnswer {
        let text = pam_strerror(handle, result).map { String(cString: $0) } ?? "error \(result)"
        let code: AuthenticationFailure.Code
        switch result {
        case PAM_AUTH_ERR, PAM_USER_UNKNOWN, PAM_MAXTRIES, PAM_CRED_INSUFFICIENT: code = .credentials
        case PAM_NEW_AUTHTOK_REQD, PAM_AUTHTOK_EXPIRED, PAM_CRED_EXPIRED: code = .passwordExpired
        case PAM_ACCT_EXPIRED, PAM_PERM_DENIED: code = .userDisabled
        default: code = .temporary
        }
        return .refused(code, "\(step): \(text)")
    }

    /// Answers every prompt without echo with the password and every other with the user's name.
    private static let answer:
        @convention(c) (
            CInt, UnsafeMutablePointer<UnsafePointer<pam_message>?>?,
            UnsafeMutablePointer<UnsafeMutablePointer<pam_response>?>?, UnsafeMutableRawPointer?
        ) -> CInt = { count, messages, responses, context in
            guard let messages, let responses, let context, count > 0, count <= 32 else {
                return PAM_CONV_ERR
            }
            let conversation = Unmanaged<Conversation>.fromOpaque(context).takeUnretainedValue()
            // PAM frees both the array and the strings, so they come from malloc.
            guard let raw = calloc(Int(count), MemoryLayout<pam_response>.stride) else { return PAM_BUF_ERR }
            let answers = raw.bindMemory(to: pam_response.self, capacity: Int(count))
            for i in 0..<Int(count) {
                let text: [UInt8]
                switch messages[i]?.pointee.msg_style {
                case PAM_PROMPT_ECHO_OFF: text = conversation.password
                case PAM_PROMPT_ECHO_ON: text = Array(conversation.user.utf8)
                default: continue
                }
                answers[i].resp = text.withUnsafeBytes { bytes in
                    guard let copy = calloc(bytes.count + 1, 1) else { return nil }
                    if let base = bytes.baseAddress { memcpy(copy, base, bytes.count) }
                    return copy.assumingMemoryBound(to: CChar.self)
                }
            }
            responses.pointee = answers
            return PAM_SUCCESS
        }
}
