require "reject";
reject "a";
keep;
