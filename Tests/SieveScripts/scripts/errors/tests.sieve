if header "a" { keep; }
if header { keep; }
if header 1 "a" { keep; }
if header "a" 1 { keep; }
if header "a" "b" "c" { keep; }
if header :is :matches "a" "b" { keep; }
if header "a" :is "b" { keep; }
if header :comparator "a" "b" { keep; }
if header :comparator "i;nonsense" "a" "b" { keep; }
if header :all "a" "b" { keep; }
if address "subject" "b" { keep; }
if address :all :domain "to" "b" { keep; }
if exists { keep; }
if exists 1 { keep; }
if size 1K { keep; }
if size :over { keep; }
if size :over "1K" { keep; }
if size :over :under 1K { keep; }
if size :within 1K { keep; }
if true "x" { keep; }
if not { keep; }
if not "x" { keep; }
if allof true { keep; }
if anyof { keep; }
if true { nested_nonsense; }
