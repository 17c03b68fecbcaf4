envelope "from" "x";
if envelope "from" "x" { keep; }
if header :count "gt" "a" "1" { keep; }
if header :regex "a" "b" { keep; }
if address :user "to" "x" { keep; }
if header :comparator "i;ascii-numeric" "a" "1" { keep; }
set "a" "b";
vacation "x";
keep :flags "x";
redirect :copy "a@b.example";
