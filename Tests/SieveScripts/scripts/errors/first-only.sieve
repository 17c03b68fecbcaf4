require ["vacation", "enotify", "variables", "fileinto", "encoded-character"];
vacation :from "nobody" :addresses ["a", "b"] "x";
notify :importance "9" :from "nobody" "nowhere:x";
if address ["subject", "x-spam", "from"] "x" { keep; }
set "1" "${nowhere.x}";
if string ["${unicode:d800}", "${unicode:110000}"] "${nowhere.x}" { keep; }
