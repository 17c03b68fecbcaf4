require "vnd.dovecot.duplicate";
if anyof (duplicate, duplicate :header "subject" :handle "a", duplicate :value "x" :seconds 60) {
    discard;
} else {
    keep;
}
