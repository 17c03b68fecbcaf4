require "variables"; set "a" "nobody"; redirect "${a}";
