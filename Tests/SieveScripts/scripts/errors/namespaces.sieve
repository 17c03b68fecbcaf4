require ["variables", "vnd.dovecot.environment"];
set "env.location" "x";
set "nowhere.x" "x";
set "x" "${nowhere.x}";
set "x" "${env.1}";
set "tst.path" "x";
set "x" "${global.x}";
set "x" "${nowhere.a.b.c}";
