require "variables"; set "a" "1"; set "b" "${a}"; set "c" "${b}"; set "d" "x";
