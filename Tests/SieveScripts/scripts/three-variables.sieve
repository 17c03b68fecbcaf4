require "variables"; set "a" "1"; set "b" "${a}"; set "c" "${b}${A}";
