if true { keep; } elsif false { keep; } elsif false { keep; } else { keep; }
if false { if true { } else { } } else { if false { } }
