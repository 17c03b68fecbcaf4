require ["date", "variables"];
if date { keep; }
if date "date" { keep; }
if date "date" "year" { keep; }
if date "date" "nonsense" "1" { keep; }
if date ["date", "received"] "year" "1" { keep; }
if date :zone "CET" "date" "year" "1" { keep; }
if date :zone "+100" "date" "year" "1" { keep; }
if date :zone "+0100" :originalzone "date" "year" "1" { keep; }
if date :zone 100 "date" "year" "1" { keep; }
if currentdate :originalzone "year" "1" { keep; }
if currentdate "year" { keep; }
