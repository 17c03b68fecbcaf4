inner_unknown;
keep 5;
