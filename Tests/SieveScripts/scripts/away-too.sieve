require "vacation"; vacation :days 2 "still away";
