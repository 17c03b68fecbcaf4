require ["fileinto", "no-such-extension"];
require "fileinto" "copy";
require;
require 5;
require :tag "copy";
require "copy" { keep; }
require ["one-more-unknown", "and-another"];
keep;
require "copy";
if true { require "copy"; }
